import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { ShippingError } from "@pydist/protocol";
import { CodeCache, load, type ShippedCode, sha256, ship } from "@pydist/shipping";
import { describe, expect, test } from "vitest";
import { type Case, fixture, loaded, programOf, thrownBy } from "./support.js";

const { cases } = await fixture<{ cases: Case[] }>("accepted.mjs");

/** Ships a function made from text, whatever the test runner does to the text of tests. */
function made(text: string): ShippedCode {
  return ship(new Function(`return (${text})`)() as () => unknown);
}

describe("a loaded function", () => {
  test("is there at once, unless it has to be imported", () => {
    for (const { fn } of cases) expect(loaded(ship(fn))).toBeTypeOf("function");
  });

  test("throws with lines of its own text, under a name that tells which code it was", () => {
    const shipped = made("function score(row) {\n  const a = 1;\n  return row.missing.field + a;\n}");
    const error = thrownBy(() => loaded(shipped)({}));
    const { texts } = JSON.parse(shipped.text) as { texts: unknown[] };
    const hash = sha256(JSON.stringify(texts[0])).slice(0, 8);
    expect(error.stack).toContain(`at score (pydist:///score-${hash}.js:3:22)`);
  });

  test("keeps the columns of a line that has an import", async () => {
    const shipped = made('async () => {\n  await import("node:os"); null.x;\n}');
    const error = await Promise.resolve()
      .then(loaded(shipped))
      .catch((reason: unknown) => reason as Error);
    expect((error as Error).stack).toMatch(/pydist:\/\/\/.*\.js:2:33/);
  });

  test("sees nothing of what loads it", () => {
    const names =
      "code text texts helpers helper names slots evaluate mayEvaluate indirectEval maker make fill outer self args parts require home task".split(
        " ",
      );
    const source = `() => [${names.map((name) => `typeof ${name}`).join(", ")}]`;
    const texts = [{ early: 0, form: "expression", helpers: {}, name: "f", slots: [], source, strict: true }];
    const code = { asks: false, files: {}, kind: "functions", modules: [], packages: [], texts };
    expect(loaded({ text: JSON.stringify(code) })()).toEqual(names.map(() => "undefined"));
  });

  test("is made anew for each task that brings captured values, unless nothing in them can change", () => {
    const state = { count: 0 };
    const changing = ship(() => ++state.count);
    const [one, other] = [loaded(changing), loaded(changing)];
    expect([one(), one(), other(), state.count]).toEqual([1, 2, 1, 0]);
    const limit = 3;
    const shared = ship(() => limit);
    const program = programOf(shared);
    expect(program.bind(shared.captured).fn).toBe(program.bind(shared.captured).fn);
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
    '{"kind":"source","form":"expression","helpers":{},"name":"","source":"1","strict":true}',
    '{"kind":"functions"}',
    '{"kind":"functions","asks":false,"files":{},"modules":[{}],"packages":[],"texts":[]}',
    '{"kind":"reference","url":"file:///a"}',
    '{"kind":"functions","asks":false,"files":{},"modules":[],"packages":[],"texts":[{"early":0,"form":"expression","helpers":{"x":"eval"},"name":"","slots":[],"source":"1","strict":true}]}',
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
      `The code ${a.hash.slice(0, 12)} arrived on node "n1" with another text. This is a fault of pydist or of its store of code: restart the node, and report it.`,
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
    // 180 MB of text: some seconds, and more where others use the machine.
  });
});

type Made = ReturnType<typeof made>;
