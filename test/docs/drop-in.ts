import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Block, blocksOf, read } from "./markdown.js";
import { missingFor, NAME, runProgram, shownBy } from "./programs.js";
import { Sandbox } from "./sandbox.js";

/** A heading with a table of two cells below it: what the reader has, and what to write here. */
interface Pair {
  readonly name: string;
  readonly theirs: readonly Block[];
  readonly ours: readonly Block[];
}

const text = read("docs/drop-in.md");
const blocks = blocksOf(text);

function pairs(): Pair[] {
  const found: { name: string; cells: { from: number; to: number }[] }[] = [];
  text.split("\n").forEach((line, index) => {
    const heading = /^### (.+)$/.exec(line)?.[1];
    if (heading !== undefined) found.push({ name: heading, cells: [] });
    if (line === "<td>") found.at(-1)?.cells.push({ from: index + 1, to: 0 });
    const cell = found.at(-1)?.cells.at(-1);
    if (line === "</td>" && cell !== undefined) cell.to = index + 1;
  });
  return found.map(({ name, cells }) => {
    const [theirs, ours] = cells.map(({ from, to }) => blocks.filter(({ line }) => line > from && line < to));
    if (theirs === undefined || ours === undefined || cells.length > 2) throw new Error(`"${name}" is no pair.`);
    return { name, theirs, ours };
  });
}

const PAIRS = pairs();

/** Tests the pairs whose left half is in this language. A file for each: programs take their time to start. */
export function describePairs(language: "py" | "js"): void {
  const chosen = PAIRS.filter(({ theirs }) => theirs.some((block) => block.language === language));

  describe(`docs/drop-in.md, beside ${language === "py" ? "Python" : "JavaScript"}`, () => {
    let sandbox: Sandbox;

    beforeAll(async () => {
      sandbox = await Sandbox.open();
      // Worker files are there for both sides.
      for (const { code } of blocks) {
        const name = NAME.exec(code)?.[1];
        if (name !== undefined) sandbox.write(name, code);
      }
    });
    afterAll(() => sandbox.close(), 15_000);

    const printed = async (side: readonly Block[]): Promise<string> =>
      (await Promise.all(side.map((block) => runProgram(sandbox, block)))).join("");

    it("consists of pairs, each of which prints something", () => {
      expect(PAIRS.flatMap(({ theirs, ours }) => [...theirs, ...ours])).toEqual(blocks);
      const silent = chosen.filter(({ ours }) => ours.map(shownBy).join("") === "");
      expect(silent.map(({ name }) => name)).toEqual([]);
      expect(chosen.length).toBeGreaterThan(5);
    });

    it.for(chosen.map((pair) => [pair.name, pair] as const))("%s: both print the same", async ([, pair], { skip }) => {
      const { theirs, ours } = pair;
      const missing = missingFor(language);
      if (missing !== undefined) {
        await printed(ours);
        skip(`the other half ${missing}`);
      }
      const [left, right] = await Promise.all([printed(theirs), printed(ours)]);
      expect(right).toBe(left);
    });
  });
}
