import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countFiles, countTexts, top } from "../../examples/count-words/count.mjs";
import { findSources, inPortions, installedPackages } from "../../examples/count-words/sources.mjs";
import { goTo, type Place, places } from "./clusters.js";
import { run, someSources, wrongWorkers } from "./support.js";

const sources = findSources(someSources);
const paths = sources.map(({ path }) => path);
const portions = inPortions(sources, 512 * 1024);

describe("counting", () => {
  it("counts names, not reserved words, comments, strings or numbers", () => {
    const text = [
      "// name in a comment",
      "/* name in\n another */",
      'const name = "name in \\" quotes" + \'name\';',
      "return name.größe + $x1 + 0xbeef + 1e5n;",
    ].join("\n");
    expect([...countTexts([text, "name"])]).toEqual([
      ["name", 3],
      ["größe", 1],
      ["$x1", 1],
    ]);
  });

  it("finds each source once, in an order of its own, and at least 10 MB of them where everything is installed", () => {
    expect(paths).toEqual([...new Set(paths)].sort());
    expect(findSources(installedPackages).reduce((sum, { size }) => sum + size, 0)).toBeGreaterThan(10e6);
  });

  it("makes portions that hold every file once and are full, but not more", () => {
    expect(portions.flat()).toEqual(paths);
    expect(portions.length).toBeGreaterThan(2);
    const sizes = new Map(sources.map(({ path, size }) => [path, size]));
    const bytes = portions.map((portion) => portion.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0));
    for (const [index, portion] of portions.entries()) {
      if (portion.length > 1) expect(bytes[index]).toBeLessThanOrEqual(512 * 1024);
    }
  });
});

describe.each(places)("the counting example %s", (name) => {
  let place: Place;
  beforeAll(async () => {
    place = await goTo(name);
  });
  afterAll(() => place?.leave());

  it.each([
    ["read by the nodes", []],
    ["sent to the nodes", ["--send"]],
  ])("counts what a serial run counts, with files %s", async (_how, how) => {
    const before = (await place.calls()) ?? 0;
    const args = ["--dir", someSources, "--top", "7", "--check", ...how];
    const { code, stdout, stderr } = await run("count-words", args, place.env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const printed = stdout.split("\n").flatMap((line) => {
      const [, count, identifier] = /^ *(\d+) {2}(\S+)$/.exec(line) ?? [];
      return identifier === undefined ? [] : [[identifier, Number(count)]];
    });
    expect(printed).toEqual(top(countFiles(paths), 7));
    expect(stdout).toContain("check: the same as a serial run");
    expect([undefined, before + portions.length]).toContain(await place.calls());
  });
});

describe("the counting example", () => {
  it("says so and fails when the check finds a difference", async () => {
    const args = ["--dir", someSources, "--check"];
    const { code, stdout } = await run("count-words", args, { NODE_OPTIONS: wrongWorkers });
    expect(stdout).toContain("check: NOT the same as a serial run");
    expect(code).toBe(1);
  });
});
