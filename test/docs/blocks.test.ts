import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/pnpm.mjs";
import { type Block, blocksOf, documents, read } from "./markdown.js";
import { expectShown, missingFor, NAME, runProgram } from "./programs.js";
import { Sandbox } from "./sandbox.js";

/** Not run: pictures, output and file contents. */
const ILLUSTRATIONS = new Set(["mermaid", "text", "json"]);

/** Pages that have a test of their own. */
const TESTED_ELSEWHERE = new Map([
  ["docs/cli.md", "test/cli/docs.test.ts"],
  ["docs/drop-in.md", "test/docs/drop-in.ts"],
]);

/** Commands that cannot run here, and why; of each npm script it is at least checked that it exists. */
const NOT_RUN: readonly (readonly [command: RegExp, reason: string])[] = [
  [
    /^npm install (?:pydist pydist-node|@pydist\/(?:exec|launch))(?: @pydist\/[\w-]+)*$/,
    "needs the registry; the sandbox holds what it would install",
  ],
  [/^npm install \S+\/artifacts\/\*\.tgz$/, "needs the registry; `npm run clean-clone` installs the tarballs"],
  [
    /^(?:\w+=\S+ )?npm (?:start|test|run \S+)(?: |$)/,
    "is the work of CI and of `npm run clean-clone`, and takes minutes",
  ],
  [/^(?:scp|ssh) /, "needs a second machine"],
  [/^npx pydist-node launch hosts --hostfile peers\.txt/, "needs the machines of the file; test/launch has them"],
];

/** A document's shell lines: comments and continuations resolved, one command each. */
function commandsOf(code: string): string[] {
  return code
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .map((line) => line.replace(/(?:^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
}

const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object }).scripts,
);

const runnable = documents()
  .filter((path) => !TESTED_ELSEWHERE.has(path))
  .map((path) => ({ path, blocks: blocksOf(read(path)).filter(({ language }) => !ILLUSTRATIONS.has(language)) }))
  .filter(({ blocks }) => blocks.length > 0);

describe.each(runnable)("$path", ({ blocks }) => {
  let sandbox: Sandbox;

  // One folder and one home for a document: what it shows builds on what it showed before.
  beforeAll(async () => {
    sandbox = await Sandbox.open();
    for (const { language, code } of blocks) {
      const name = language === "js" ? NAME.exec(code)?.[1] : undefined;
      if (name !== undefined) sandbox.write(name, code);
    }
  });
  afterAll(() => sandbox.close(), 15_000);

  async function runShell(block: Block): Promise<void> {
    let output = "";
    for (const command of commandsOf(block.code)) {
      const exempt = NOT_RUN.find(([pattern]) => pattern.test(command));
      if (exempt !== undefined) {
        const script = /\bnpm (?:run )?([\w-]+)/.exec(command)?.[1];
        if (/\bnpm (?:start|test|run)\b/.test(command)) expect(scripts).toContain(script);
      } else if (/\bpydist-node spawn\b/.test(command)) {
        output += await sandbox.open(sandbox.here(command));
      } else {
        const ended = await sandbox.run("bash", ["-c", sandbox.here(command)]);
        expect(ended, command).toMatchObject({ code: 0 });
        output += ended.stdout;
      }
    }
    if (block.shown !== undefined) expectShown(output, sandbox.here(block.shown));
  }

  it.for(blocks)("line $line: $language", async (block, { skip }) => {
    if (block.language === "sh") return runShell(block);
    const missing = missingFor(block.language);
    if (missing !== undefined) skip(missing);
    await runProgram(sandbox, block);
  });
});

it("every exemption is needed", () => {
  const shell = runnable.flatMap(({ blocks }) => blocks).filter(({ language }) => language === "sh");
  const commands = shell.flatMap(({ code }) => commandsOf(code));
  expect(NOT_RUN.filter(([pattern]) => !commands.some((command) => pattern.test(command)))).toEqual([]);
  for (const [page, test] of TESTED_ELSEWHERE) expect(read(test)).toContain(page);
});
