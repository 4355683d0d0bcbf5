import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { ShippingError } from "@pydist/protocol";
import { CodeCache, load, ship } from "@pydist/shipping";
import { describe, expect, test } from "vitest";
import { type Case, fixture, loaded, thrownBy } from "./support.js";

const { cases } = await fixture<{ cases: Case[] }>("accepted.mjs");

/** Ships a function made from text, whatever the test runner does to the text of tests. */
function made(text: string): { hash: string; text: string } {
  return ship(new Function(`return (${text})`)() as () => unknown);
}

describe("a loaded function", () => {
  test("is there at once, unless it has to be imported", () => {
    for (const { fn } of cases) expect(loaded(ship(fn).text)).toBeTypeOf("function");
  });

  test("throws with lines of its own text, under a name that tells which code it was", () => {
    const { hash, text } = made("function score(row) {\n  const a = 1;\n  return row.missing.field + a;\n}");
    const error = thrownBy(() => loaded(text)({}));
    expect(error.stack).toContain(`at score (pydist:///score-${hash.slice(0, 8)}.js:3:22)`);
  });

  test("keeps the columns of a line that has an import", async () => {
    const { text } = made('async () => {\n  await import("node:os"); null.x;\n}');
    const error = await Promise.resolve()
      .then(loaded(text))
      .catch((reason: unknown) => reason as Error);
    expect((error as Error).stack).toMatch(/pydist:\/\/\/.*\.js:2:33/);
  });

  test("sees nothing of what loads it", () => {
    const names = ["code", "helpers", "names", "evaluate", "mayEvaluate", "require", "importOnNode"];
    const source = `() => [${names.map((name) => `typeof ${name}`).join(", ")}]`;
    const text = JSON.stringify({ form: "expression", helpers: {}, kind: "source", name: "f", source, strict: true });
    expect(loaded(text)()).toEqual(names.map(() => "undefined"));
  });

  test("where code from strings is forbidden it loads all the same", async () => {
    const script = `
      import { load } from "@pydist/shipping/runtime";
      try { (0, eval)("1"); console.log("allowed"); } catch { console.log("forbidden"); }
      const fn = load(${JSON.stringify(made("function score(x) {\n  return x.a.b;\n}").text)}).bind().fn;
      console.log(fn({ a: { b: 7 } }));
      try { fn({}); } catch (error) { console.log(error.stack.split("\\n")[1]); }`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--disallow-code-generation-from-strings", "--input-type=module", "--eval", script],
      { cwd: import.meta.dirname },
    );
    expect(stdout).toMatch(/^forbidden\n7\n {4}at score \(pydist:\/\/\/score-[0-9a-f]{8}\.js:2:14\)\n$/);
  });

  test("a global that the node lacks is named with the node and its version", () => {
    const text = '{"kind":"global","path":"Math.sumUnheardOf"}';
    const error = thrownBy(() => load(text, { node: 'node "n1"' }));
    expect(error).toBeInstanceOf(ShippingError);
    expect(error.message).toBe(
      `Task "Math.sumUnheardOf" is a global that Node ${process.version} on node "n1" lacks. Run a version of Node on the nodes that has it.`,
    );
  });

  test.each([
    "",
    "null",
    "[]",
    '{"kind":"later"}',
    '{"kind":"source"}',
    '{"kind":"reference","url":"file:///a"}',
    '{"form":"expression","helpers":{"x":"eval"},"kind":"source","name":"","source":"1","strict":true}',
  ])("code of another kind is refused: %s", (text) => {
    const error = thrownBy(() => load(text));
    expect(error).toBeInstanceOf(ShippingError);
    expect(error.message).toContain("Run the same version of pydist");
  });
});

describe("the cache of a thread", () => {
  test("makes a function once, and forgets the one that was used longest ago", () => {
    const cache = new CodeCache({ limit: 2 });
    const [a, b, c] = ["() => 1", "() => 2", "() => 3"].map(made) as [Made, Made, Made];
    const first = cache.load(a.hash, a.text);
    expect(cache.load(b.hash, b.text)).not.toBe(first);
    expect(cache.load(a.hash, a.text)).toBe(first);
    expect(cache.load(c.hash, c.text)).not.toBe(first);
    expect(cache.size).toBe(2);
    expect(cache.get(a.hash)).toBe(first);
    expect(cache.get(b.hash)).toBeUndefined();
  });

  test("refuses a text that is not the one of the hash", () => {
    const cache = new CodeCache({ node: 'node "n1"' });
    const [a, b] = ["() => 1", "() => 2"].map(made) as [Made, Made];
    expect(() => cache.load(a.hash, b.text)).toThrow(
      `The code ${a.hash.slice(0, 12)} arrived on node "n1" with another text.`,
    );
    expect(cache.size).toBe(0);
  });

  test("60,000 distinct functions of 3 KB each pass through a thread with a heap of 64 MB", async () => {
    const worker = new Worker(new URL("./fixtures/many-functions.mjs", import.meta.url), {
      workerData: { count: 60_000, padding: 3000 },
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
    const outcome = await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    expect(outcome).toEqual({ sum: 60_000, cached: 1000 });
  });
});

type Made = ReturnType<typeof made>;
