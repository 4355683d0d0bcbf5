import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { decodeFailure, encodeFailure } from "@pydist/protocol";
import { load, relocate, type ShippedCode, ship } from "@pydist/shipping";
import ts from "typescript";
import { afterAll, describe, expect, test } from "vitest";
import { importNatively, loaded } from "./support.js";

type AnyFunction = (...args: never[]) => unknown;
type Functions = Record<string, AnyFunction>;

const folder = realpathSync(mkdtempSync(join(tmpdir(), "pydist-stacks-")));
// Programs in the folder find the packages as these tests do.
symlinkSync(join(import.meta.dirname, "..", "node_modules"), join(folder, "node_modules"), "junction");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** A module as Node itself loads it. In its text each place that throws is marked, which {@link where} finds. */
async function module(name: string, text: string): Promise<Functions> {
  return await importNatively(pathToFileURL(write(name, text)));
}

/** `line:column` of what follows the mark in a text. */
function where(text: string, mark = "/*!*/"): string {
  const before = text.slice(0, text.indexOf(mark) + mark.length).split(/\r\n|\n/);
  return `${before.length}:${(before.at(-1) as string).length + 1}`;
}

/** What a call throws on a node, as the submitter decodes it, before and after its stacks were looked at. */
async function arrived(
  shipped: Pick<ShippedCode, "text" | "captured">,
  ...args: unknown[]
): Promise<{ error: Error; raw: string }> {
  try {
    const { fn } = (await load(shipped.text)).bind(shipped.captured);
    await fn(...args);
  } catch (thrown) {
    const { kind, bytes } = encodeFailure(thrown);
    const error = decodeFailure(kind, bytes as Uint8Array, { node: "n1" }) as Error;
    const raw = String(error.stack);
    relocate(error);
    return { error, raw };
  }
  throw new Error("nothing was thrown");
}

async function stackOf(fn: AnyFunction | undefined, ...args: unknown[]): Promise<string> {
  return String((await arrived(ship(fn as AnyFunction), ...args)).error.stack);
}

/** The first frame of a stack. */
function top(stack: string): string | undefined {
  return stack.split("\n").find((line) => /^ {4}at /.test(line));
}

async function run(...args: string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, args, { cwd: folder })).stdout;
}

describe("the stack of what a shipped function threw names where it was written", () => {
  const shapes: [title: string, text: string, frame: (at: string) => string][] = [
    ["a function", "\n\nexport function f(x) {\n  throw /*!*/new Error(x);\n}", (at) => `at f (${at})`],
    ["on a line with others", "export const a = 1, f = (x) => { throw /*!*/new Error(x); };", (at) => `at f (${at})`],
    [
      "without a name",
      "export const { f } = { f: (() => (x) => { throw /*!*/new Error(x); })() };",
      (at) => `at ${at}`,
    ],
    ["that is async", "export async function f(x) {\n  await 1; throw /*!*/new Error(x);\n}", (at) => `at f (${at})`],
    ["a method", "export const { f } = {\n f(x) { throw /*!*/new Error(x); } };", (at) => `at f (${at})`],
    [
      "with a computed name",
      'const long = "m";\nexport const f = { [long + "e" + "t"](x) { throw /*!*/new Error(x); } }.met;',
      (at) => `at met (${at})`,
    ],
    [
      "a static method",
      "export const { f } = class { static f(x) { throw /*!*/new Error(x); } };",
      (at) => `at f (${at})`,
    ],
    [
      "with an import on its first line",
      'export const f = async (x) => { await import("node:os"); throw /*!*/new Error(x); };',
      (at) => `at f (${at})`,
    ],
    [
      "in a file with CRLF",
      "// one\r\nexport const f = (x) => {\r\n  throw /*!*/new Error(x);\r\n};\r\n",
      (at) => `at f (${at})`,
    ],
    [
      "behind what is no letter of one unit",
      "export const a = '\u{1F600}', f = (x) => { throw /*!*/new Error(x); };",
      (at) => `at f (${at})`,
    ],
  ];

  test.each(shapes)("%s", async (title, text, frame) => {
    const name = `${title.replaceAll(" ", "-")}.mjs`;
    // Functions of one text are one code, wherever they are from.
    const mark = `/*${title}*/`;
    const marked = text.replace("/*!*/", mark);
    const { f } = await module(name, marked);
    const { error, raw } = await arrived(ship(f as AnyFunction), "what");
    expect(raw).toContain("pydist:///");
    expect(top(String(error.stack))).toBe(
      `    ${frame(`${pathToFileURL(join(folder, name))}:${where(marked, mark)}`)}`,
    );
    expect(error.stack).toMatch(/^Error: what\n/);
    expect(error.stack).not.toContain("pydist:///");
    expect(error).toMatchObject({ remote: { node: "n1", stack: error.stack } });
  });

  test("and every frame inside it, with those of others between them", async () => {
    const text = "export const f = (rows) =>\n  rows.map((row) => /*!*/inner(row, 1));\nfunction inner() {}".replace(
      "inner(row, 1)",
      "row.a.b",
    );
    const { f } = await module("frames.mjs", text);
    const url = pathToFileURL(join(folder, "frames.mjs"));
    const [, first, second, third] = (await stackOf(f, [{}])).split("\n");
    expect([first, second, third]).toEqual([
      `    at ${url}:2:${(text.split("\n")[1]?.indexOf("b)") as number) + 1}`,
      "    at Array.map (<anonymous>)",
      `    at f (${url}:2:8)`,
    ]);
  });

  test("of CommonJS", async () => {
    const text = "exports.f = function f(x) { throw /*!*/new Error(x); };";
    const { f } = await module("common.cjs", text);
    expect(top(await stackOf(f, "x"))).toBe(`    at f (${pathToFileURL(join(folder, "common.cjs"))}:${where(text)})`);
  });

  test("in causes, and in what an AggregateError gathers, though they lead back to it", async () => {
    const text = `export function f() {
  const error = new AggregateError([/*1*/new TypeError("one"), { stack: "no error" }], "all", { cause: /*2*/new Error("why") });
  error.cause.cause = error;
  throw error;
}`;
    const { f } = await module("gathered.mjs", text);
    const { error } = await arrived(ship(f as AnyFunction));
    const url = pathToFileURL(join(folder, "gathered.mjs"));
    const { errors, cause } = error as AggregateError & { cause: Error };
    expect(top(error.stack as string)).toBe(`    at f (${url}:2:17)`);
    expect(top(errors[0].stack)).toBe(`    at f (${url}:${where(text, "/*1*/")})`);
    expect(top(cause.stack as string)).toBe(`    at f (${url}:${where(text, "/*2*/")})`);
    expect(cause.cause).toBe(error);
  });

  test("inside one that was submitted from inside a task, once both executors have looked", async () => {
    const text = `export function outer(ship) {
  return ship(function inner() { throw /*!*/new Error("deep"); });
}`;
    const { outer } = await module("nested.mjs", text);
    const shipped = loaded(ship(outer as AnyFunction))(ship) as ShippedCode;
    const { error } = await arrived(shipped);
    expect(error.stack).toContain("at inner (pydist:///outer-");
    relocate(error);
    expect(top(error.stack as string)).toBe(
      `    at inner (${pathToFileURL(join(folder, "nested.mjs"))}:${where(text)})`,
    );
  });
});

describe("of what a function sees, and of texts that were edited for it, the stack names the user's lines as well", () => {
  const programs: [title: string, text: string][] = [
    [
      "functions that it calls",
      `const inner = (x) => { throw new Error(x); };
function middle(x) { return [x].map((y) => inner(y))[0]; }
export const a = 1, f = (x) => { const y = x; return middle(y); };`,
    ],
    [
      "variables on its first line",
      "const limit = 2, other = { limit };\nexport const f = (x) => { if (limit + other.limit > x) throw new Error(x); };",
    ],
    [
      "variables that it shares and changes",
      `let n = 0, m = 0;
const up = () => { n += 1; m = n; [n, m] = [m, n]; if (n > 0) throw new Error(String(n)); };
export const f = () => { n++; const o = { n, m }; if (o.n > 0 && m >= 0) up(); };`,
    ],
    [
      "methods, constructors and accessors of a class that extends another",
      `class Base {
  constructor(x) { if (x > 2) throw new Error("base"); }
}
class Point
  extends   Base   {
  static #made = 0; static count() { return Point.#made; } static made = { a: 1 }; static { Point.made.a = 2; } get norm() { return new Base(3); }
  constructor(x) { super(x); this.x = x; Point.#made++; }
  run() { return this.norm; }
}
export const f = (x) => new Point(x).run();`,
    ],
    [
      "methods of an object, also by computed names",
      `const key = "a" + "b";
const tools = { [key](x) { throw new Error(x); }, plain(x) { this.ab(x); } };
export const f = (x) => tools.plain(x);`,
    ],
    [
      "import.meta and import() before it",
      `export const f = async (x) => { const { url } = import  .  meta; await import("node:os"); throw new Error(url + x); };`,
    ],
    [
      "generators and async functions that it calls",
      `function* steps() { yield 1; throw new Error("step"); }
const walk = async () => { await null; for (const _ of steps()) await null; };
export const f = async () => { const x = walk(); await x; };`,
    ],
    [
      "a bound function",
      `function add(a, b) { throw new Error(a + b + this.c); }
export const f = add.bind({ c: 1 }, 2);`,
    ],
    [
      "an arrow with this around it",
      `class Job { name = "n"; arrow() { return (x) => { if (this.name) throw new Error(x); }; } }
export const f = new Job().arrow();`,
    ],
    [
      "a class without a name, and fields",
      `const Named = (() => class { #x = this.make(); make() { throw new Error("field"); } })();
export const f = () => new Named();`,
    ],
  ];

  test.each(programs)("%s: as a call here", async (title, text) => {
    const name = `sees-${title.replaceAll(/\W+/g, "-")}.mjs`;
    const { f } = await module(name, `${text} // ${title}`);
    const { error, raw } = await arrived(ship(f as AnyFunction), 2);
    const here = await Promise.resolve()
      .then(() => (f as (x: number) => unknown)(2))
      .catch((thrown: unknown) => thrown as Error);
    const frames = (stack: unknown): string[] =>
      String(stack)
        .split("\n")
        .filter((line) => line.includes(name))
        .map((line) => line.trim());
    expect(raw).toContain("pydist:///");
    expect(frames((here as Error).stack).length).toBeGreaterThan(0);
    expect(frames(error.stack)).toEqual(frames((here as Error).stack));
    expect(error.stack).not.toContain("pydist:///");
  });

  test("in the file that each was written in", async () => {
    const lib = "\n\nexport function check(x) {\n  throw /*lib*/new Error(x);\n}";
    write("lib.mjs", lib);
    const text = 'import { check } from "./lib.mjs";\nexport const f = (x) => /*user*/check(x);';
    const { f } = await module("user.mjs", text);
    const [, first, second] = (await stackOf(f, "x")).split("\n");
    expect([first, second]).toEqual([
      `    at check (${pathToFileURL(join(folder, "lib.mjs"))}:${where(lib, "/*lib*/")})`,
      `    at f (${pathToFileURL(join(folder, "user.mjs"))}:${where(text, "/*user*/")})`,
    ]);
  });

  test("and errors that were captured keep their own stacks", async () => {
    const text = 'const known = /*known*/new Error("known");\nexport const f = () => { throw known; };';
    const { f } = await module("known.mjs", text);
    expect(top(await stackOf(f))).toBe(
      `    at ${pathToFileURL(join(folder, "known.mjs"))}:${where(text, "/*known*/")}`,
    );
  });
});

describe("functions of one text", () => {
  const text = "export const make = () => function twin(x) { throw /*!*/new Error(x + 1); };";

  test("from one place, as arrows in a loop, name that", async () => {
    const { make } = (await module("loop.mjs", text.replace("twin", "looped"))) as { make: () => AnyFunction };
    const url = pathToFileURL(join(folder, "loop.mjs"));
    const frame = `    at looped (${url}:${where(text.replace("twin", "looped"))})`;
    const functions = Array.from({ length: 100 }, () => make());
    for (const fn of functions) ship(fn);
    for (const fn of functions) expect(top(await stackOf(fn, 1))).toBe(frame);
  });

  test("from several places name all of them, for they are one code", async () => {
    const [a, b] = [await module("twin-a.mjs", text), await module("twin-b.mjs", `\n${text}`)];
    const functions = [a, b].map(({ make }) => make?.() as AnyFunction);
    expect(new Set(functions.map((fn) => ship(fn).hash)).size).toBe(1);
    const column = where(text).slice(2);
    const urls = ["twin-a.mjs", "twin-b.mjs"].map((name) => pathToFileURL(join(folder, name)).href);
    expect(top(await stackOf(functions[0], 1))).toBe(
      `    at twin (${urls[0]}:1:${column}) [or ${urls[1]}:2:${column}: the text is the same]`,
    );
  });

  test("that are gone by then, as an arrow written into the call, are found by their text", async () => {
    const text = "export const submit = (ship) => ship(y => { throw /*!*/new Error(y); });".replaceAll("y", "x");
    const { submit } = (await module("gone.mjs", text)) as { submit: (ship: unknown) => { text: string } };
    const watched: WeakRef<AnyFunction>[] = [];
    const shipped = submit((fn: AnyFunction) => {
      watched.push(new WeakRef(fn));
      return ship(fn);
    });
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    while (watched[0]?.deref() !== undefined) {
      await new Promise((resolve) => setImmediate(resolve));
      gc();
    }
    const { error } = await arrived(shipped, "x");
    expect(top(error.stack as string)).toBe(`    at ${pathToFileURL(join(folder, "gone.mjs"))}:${where(text)}`);
  });

  test("that no file has keep the name of their code", async () => {
    const fn = new Function("x", "throw new Error(x)") as AnyFunction;
    expect(top(await stackOf(fn, 1))).toMatch(/^ {4}at anonymous \(pydist:\/\/\/anonymous-[0-9a-f]{8}\.js:3:7\)$/);
  });
});

const sourceOf = (name: string): string => `interface Row {
  readonly a?: { readonly b: number };
}

export function score(row: Row): number {
  type Value = number;
  if (row.a === undefined) throw /*!*/new Error("no a in ${name}");
  const value: Value = row.a.b;
  return value;
}
`;

/** Compiles as a user's tsc does, into `dist` beside `src`. */
function compile(name: string, options: ts.CompilerOptions): string {
  const source = sourceOf(name);
  write(`src/${name}.ts`, source);
  const { outputText, sourceMapText } = ts.transpileModule(source, {
    fileName: `../src/${name}.ts`,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, ...options },
  });
  if (sourceMapText !== undefined) write(`dist/${name}.js.map`, sourceMapText);
  return write(`dist/${name}.js`, outputText);
}

/** Where tsc is told that the sources are, beside its own note of their names. */
const inSources = { sourceRoot: "../src" };

describe("through source maps", () => {
  write("package.json", '{ "type": "module" }');
  const frame = (name: string) => `    at score (${join(folder, "src", `${name}.ts`)}:${where(sourceOf(name))})`;

  test.each([
    ["in a file beside the script", "beside", { sourceMap: true, ...inSources }],
    ["in the script itself", "inline", { inlineSourceMap: true, ...inSources }],
  ])("%s, the stack names what was compiled", async (_where, name, options) => {
    const { score } = await importNatively<Functions>(pathToFileURL(compile(name, options)));
    expect(top(await stackOf(score, {}))).toBe(frame(name));
  });

  test.each([
    ["that is missing", "missing", (map: string) => rmSync(map)],
    ["that is no map", "broken", (map: string) => writeFileSync(map, "{")],
  ])("%s, the stack names the script", async (_what, name, spoil) => {
    const file = compile(name, { sourceMap: true });
    spoil(`${file}.map`);
    const { score } = await importNatively<Functions>(pathToFileURL(file));
    expect(top(await stackOf(score, {}))).toBe(
      `    at score (${pathToFileURL(file)}:${where(readFileSync(file, "utf8"), "/*!*/ ")})`,
    );
  });

  test("as vitest has for this very file", async () => {
    interface Long {
      readonly enough: string;
      readonly to: string;
      readonly move: string;
      readonly lines: string;
    }
    const fn = (x: Long["to"]): never => {
      throw /*here*/ new Error(x);
    };
    const place = where(readFileSync(fileURLToPath(import.meta.url), "utf8"), "/*here" + "*/ ");
    expect(top(await stackOf(fn, "x"))).toContain(`stacks.test.ts:${place}`);
  });

  test("a function that a task() names has them followed where it runs, a shipped one where it was written", async () => {
    const [file, other] = [
      compile("reference", { sourceMap: true, ...inSources }),
      compile("text", { sourceMap: true, ...inSources }),
    ];
    const program = write(
      "program.mjs",
      `import { ClusterExecutor, task } from "pydist";
import { score } from ${JSON.stringify(pathToFileURL(other).href)};
const executor = new ClusterExecutor({ maxWorkers: 1 });
const reference = task(${JSON.stringify(pathToFileURL(file).href)}, "score");
for (const fn of [reference, score]) {
  const error = await executor.submit(fn, [{}]).exception();
  console.log(error.stack);
  console.log(error.remote.stack.split("\\n").slice(0, 2).join("\\n"));
}
console.log((await executor.map(score, [{ a: { b: 1 } }, {}]).then(() => {}, (error) => error)).stack);
await executor.shutdown();`,
    );
    const lines = (await run(program)).trimEnd().split("\n");
    const [a, b] = [frame("reference"), frame("text")];
    expect(lines.filter((line) => !line.startsWith("Error: no a in "))).toEqual([a, a, b, b, b]);
  });
});

describe("where nothing can be found out", () => {
  test("stacks stay, as without the inspector", async () => {
    const script = write(
      "forbidden.mjs",
      `import { load, relocate, ship } from "@pydist/shipping";
const { text } = ship(function f() { throw new Error("x"); });
const { fn } = load(text).bind();
try { fn(); } catch ({ stack }) {
  const error = Object.defineProperty(new Error("x"), "stack", { value: stack });
  relocate(error);
  console.log(error.stack === stack, stack.includes("pydist:///f-"));
}`,
    );
    const flag = process.allowedNodeEnvironmentFlags.has("--permission") ? "--permission" : "--experimental-permission";
    expect(await run("--no-warnings", flag, "--allow-fs-read=*", script)).toBe("true true\n");
  });

  test.each([undefined, null, "x", {}, { stack: "    at f (pydist:///f-01234567.js:1:1)" }])(
    "of %j nothing is touched",
    (value) => {
      const before = structuredClone(value);
      relocate(value);
      expect(value).toEqual(before);
    },
  );

  test("a frame of an unknown function stays, and so does an error that cannot be changed", () => {
    const stack = "Error: x\n    at f (pydist:///f-01234567.js:1:1)";
    const error = Object.freeze(Object.defineProperty(new Error("x"), "stack", { value: stack }));
    relocate(error);
    expect(error.stack).toBe(stack);
  });

  test("an error of no error's class has its getters left alone", () => {
    const error = new Error("x");
    for (const key of ["stack", "cause", "errors", "remote"]) {
      Object.defineProperty(error, key, {
        get() {
          throw new Error(`${key} was read`);
        },
      });
    }
    expect(() => relocate(error)).not.toThrow();
  });
});
