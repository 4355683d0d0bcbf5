import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ship } from "@pydist/shipping";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Case, callElsewhere, callHere, fixture } from "./support.js";

const strict = await fixture<{ cases: Case[] }>("accepted.mjs");
const seeing = await fixture<{ cases: Case[] }>("seeing.mjs");
const sloppy = await fixture<{ cases: Case[] }>("sloppy.cjs");

// A working directory with a package that has an entry for import and none for require.
const home = process.cwd();
const directory = mkdtempSync(join(tmpdir(), "pydist-shipping-"));

beforeAll(() => {
  const folder = join(directory, "node_modules", "only-import");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"name":"only-import","exports":{"import":"./index.mjs"}}');
  writeFileSync(join(folder, "index.mjs"), "export const found = true;");
  process.chdir(directory);
});

afterAll(() => {
  process.chdir(home);
  rmSync(directory, { recursive: true });
});

describe.each([
  ["strict", strict.cases],
  ["seeing", seeing.cases],
  ["sloppy", sloppy.cases],
])("a %s function elsewhere does what it does here", (_mode, cases) => {
  test.each(cases)("$title", async (example) => {
    const there = await callElsewhere(ship(example.fn), example.args ?? []);
    if ("expected" in example) {
      expect(there).toMatchObject({ value: example.expected, name: example.fn.name });
      return;
    }
    const here = await callHere(example);
    expect(there).toEqual(here.error === undefined ? here : { error: expect.any(Error) });
    expect(there.error?.name).toBe(here.error?.name);
    expect(there.error?.message).toBe(here.error?.message);
  });
});

test("every global of a bare thread may be used by name, and nothing of CommonJS", async () => {
  // Read in a thread: the globals of this process are the test runner's too.
  const names = (
    await callElsewhere(
      ship(() => Object.getOwnPropertyNames(globalThis)),
      [],
    )
  ).value as string[];
  expect(names.length).toBeGreaterThan(120);
  const refused = names.filter((name) => {
    try {
      ship(new Function(`return typeof ${name}`) as () => unknown);
      return false;
    } catch {
      return true;
    }
  });
  expect(refused).toEqual([]);
});
