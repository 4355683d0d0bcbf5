import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import { CodeCache, isTaskReference, load, ship, task } from "@pydist/shipping";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { callElsewhere, loaded, thrownBy } from "./support.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pydist-task-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a module and gives its URL. */
function module(text: string, name = "tasks.mjs"): string {
  writeFileSync(join(folder, name), text);
  return pathToFileURL(join(folder, name)).href;
}

async function rejection(value: unknown): Promise<ShippingError> {
  const error = await Promise.resolve(value).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ShippingError);
  return error as ShippingError;
}

type Double = (x: number) => number;

describe("a reference to an exported function", () => {
  test("runs with all that its module has", async () => {
    const url = module("const factor = 2; export const double = (x) => x * factor;");
    const shipped = ship(task<Double>(url, "double"));
    expect(shipped.name).toBe("double");
    expect(await callElsewhere(shipped, [21])).toMatchObject({ value: 42, name: "double" });
  });

  test("may be the default export, of CommonJS too, and be named by a path", async () => {
    const url = module("export default (x) => x + 1;");
    expect(await callElsewhere(ship(task(url, "default")), [1])).toMatchObject({ value: 2 });
    module("module.exports = make(); function make() { return { ['tri' + 'ple']: (x) => x * 3 }; }", "tasks.cjs");
    const reference = task(join(folder, "tasks.cjs"), "triple");
    expect(await callElsewhere(ship(reference), [1])).toMatchObject({ value: 3 });
  });

  test("is known as one, is named like the export, and is only for submitting", () => {
    const url = module("export const double = 1;");
    const reference = task<Double>(url, "double");
    expect(isTaskReference(reference)).toBe(true);
    expect([() => 1, {}, null, "x"].some(isTaskReference)).toBe(false);
    expect(reference.name).toBe("double");
    expect(thrownBy(() => reference(1)).message).toBe(
      `task("${url}", "double") was called, but a reference is only for submitting. Import the function to call it here; submit the reference to run it on a node.`,
    );
  });

  test.each([
    ["a relative path", "./tasks.mjs"],
    ["a URL that is no file", "https://example.org/tasks.mjs"],
    ["nothing", undefined],
  ])("of %s is a TypeError at once", (_what, url) => {
    expect(() => task(url as string, "f")).toThrow(TypeError);
    expect(() => task(import.meta.url, "")).toThrow("the name of the export must be a non-empty string");
  });

  test("may be what a function sees: it arrives as one, to be submitted from there", async () => {
    const url = module("export const double = (x) => x * 2;");
    const reference = task<Double>(url, "double");
    const fn = () => reference;
    const there = loaded(ship(fn))();
    expect(there).not.toBe(reference);
    expect(isTaskReference(there)).toBe(true);
    expect(ship(there as Double).text).toBe(ship(reference).text);
  });

  test("leaves out what loaders add to a URL", () => {
    const url = module("export const f = 1;");
    expect(ship(task(`${url}?t=1#x`, "f")).hash).toBe(ship(task(new URL(url), "f")).hash);
  });

  test("to a file that is not there is refused at submit, with the line that submitted", () => {
    const url = pathToFileURL(join(folder, "gone.mjs")).href;
    const error = thrownBy(() => ship(task(url, "f"))) as ShippingError;
    expect(error).toBeInstanceOf(ShippingError);
    expect(error.message).toContain(`submit: task "f" refers to ${join(folder, "gone.mjs")}, which is no file here.`);
    expect(error.path).toBe(join(folder, "gone.mjs"));
    expect(error.location).toMatch(/task\.test\.ts:\d+:\d+$/);
    expect(error.message.endsWith(`${error.remedy} Called at ${error.location}.`)).toBe(true);
  });
});

describe("an edit of the module", () => {
  test("is another code at the next submit, also when size and times are those of before", () => {
    const url = module("export const f = () => 1;");
    const path = join(folder, "tasks.mjs");
    const reference = task(url, "f");
    const first = ship(reference).hash;
    expect(ship(reference).hash).toBe(first);
    const { atime, mtime } = statSync(path);
    module("export const f = () => 2;");
    utimesSync(path, atime, mtime);
    expect(ship(reference).hash).not.toBe(first);
    module("export const f = () => 1;");
    expect(ship(reference).hash).toBe(first);
  });

  test.each([
    ["ESM", "edited.mjs", (n: number) => `export const f = () => ${n};`],
    ["CommonJS", "edited.cjs", (n: number) => `exports.f = () => ${n};`],
  ])("reaches a thread that has loaded the one before: %s", async (_kind, name, text) => {
    const cache = new CodeCache();
    const results: unknown[] = [];
    for (const n of [1, 2, 3, 1]) {
      const { hash, text: code } = ship(task(module(text(n), name), "f"));
      results.push((await cache.load(hash, code)).bind(undefined).fn());
    }
    expect(results).toEqual([1, 2, 3, 1]);
  });
});

describe("on a node", () => {
  const node = 'node "far"';

  test("without the file, the error names the node, the path and what to do", async () => {
    const shipped = ship(task(module("export const f = () => 1;"), "f"));
    const { text } = shipped;
    rmSync(join(folder, "tasks.mjs"));
    const { error } = await callElsewhere(shipped, [], node);
    const sha = (JSON.parse(text) as { sha256: string }).sha256.slice(0, 12);
    expect(error?.message).toBe(
      `Task "f" needs ${join(folder, "tasks.mjs")} (SHA-256 ${sha}), which does not exist on node "far". Put the same file at the same path on every node, or submit a function that takes along what it needs.`,
    );
    expect((await rejection(load(text, { node }))).path).toBe(join(folder, "tasks.mjs"));
  });

  test("with another version of it, the error names both", async () => {
    const url = module("export const f = () => 1;");
    const { text } = ship(task(url, "f"));
    module("export const f = () => 2;");
    const other = JSON.parse(ship(task(url, "f")).text) as { sha256: string };
    const expected = (JSON.parse(text) as { sha256: string }).sha256;
    const error = await rejection(load(text, { node }));
    expect(error.message).toBe(
      `Task "f" needs ${join(folder, "tasks.mjs")} with SHA-256 ${expected.slice(0, 12)}, but on node "far" it has ${other.sha256.slice(0, 12)}. Bring the file to the same version on every node.`,
    );
  });

  test("a failure is not kept: once the file is there, the task runs", async () => {
    const cache = new CodeCache({ node });
    const source = "export const f = () => 'ran';";
    const { hash, text } = ship(task(module(source), "f"));
    rmSync(join(folder, "tasks.mjs"));
    await rejection(cache.load(hash, text));
    module(source);
    const program = await cache.load(hash, text);
    expect(program.bind(undefined).fn()).toBe("ran");
    expect(cache.get(hash)).toBe(program);
  });

  test("an export that is missing or no function is named with those that are there", async () => {
    const { text } = ship(task(module("export const g = () => 1, f = 5;"), "f"));
    const error = await rejection(load(text, { node }));
    expect(error.message).toContain(`tasks.mjs exports no function "f" on node "far", but f, g.`);
  });

  test("a module that cannot be imported says why, with the cause", async () => {
    const { text } = ship(task(module('import "not-installed"; export const f = () => 1;'), "f"));
    const error = await rejection(load(text, { node }));
    expect(error.message).toContain(
      "tasks.mjs could not be imported on node \"far\": Cannot find package 'not-installed'",
    );
    expect(error.cause).toMatchObject({ code: "ERR_MODULE_NOT_FOUND" });
  });

  test("a file that Node cannot load has its own remedy", async () => {
    const { text } = ship(task(module("export const f = () => 1;", "tasks.unknown"), "f"));
    const error = await rejection(load(text, { node }));
    expect(error.remedy).toBe("Refer to the compiled JavaScript, or start the nodes with a loader for such files.");
  });
});
