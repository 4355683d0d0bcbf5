import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type ClusterExecutor, task } from "pydist";
import ts from "typescript";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { importNatively } from "../shipping/support.js";
import { folderOf } from "../support/folders.js";
import { attach, bareNode, embedded, failure } from "./brought.js";

type Functions = Record<string, (...args: unknown[]) => unknown>;

const packages = join(import.meta.dirname, "..", "node_modules");

/** `line:column` of what follows a mark in a file. */
function where(file: string | URL, mark: string): string {
  const text = readFileSync(file, "utf8");
  const before = text.slice(0, text.indexOf(mark) + mark.length).split("\n");
  return `${before.length}:${(before.at(-1) as string).length + 1}`;
}

function frames(error: Error): string[] {
  return String(error.stack)
    .split("\n")
    .filter((line) => /^ {4}at /.test(line))
    .map((line) => line.trim());
}

describe("what a task throws that was submitted by a task", () => {
  const source = `import { Socket } from "node:net";
import { task } from "pydist";
const limit = 3;
function check(x) {
  if (x > limit) throw /*check*/new RangeError("over");
}
const submit = (...given) => task.context().executor.submit(...given);
export const arrow = async () => {
  const own = 5;
  await submit(() => /*arrow*/check(own));
};
export const named = async () => { await submit(check, [7]); };
export const thrice = async () => {
  await submit(async () => {
    const own = limit;
    await submit(() => { throw /*third*/new Error(String(own)); });
  });
};
export const gathered = async () => {
  try {
    await submit(() => { throw /*cause*/new Error("inner"); });
  } catch (cause) {
    throw /*outer*/new Error("outer", { cause });
  }
};
export const refused = async () => {
  const holder = { socket: new Socket() };
  await /*call*/submit(() => holder.socket.write("x"));
};
export const method = async () => {
  const holder = { name: "n", hello() { return /*this*/this.name + this.name; } };
  await submit(holder.hello);
};
`;
  let file: string;
  let functions: Functions;
  let executor: ClusterExecutor;
  beforeAll(async () => {
    const folder = folderOf({ "nested.mjs": source });
    symlinkSync(packages, join(folder, "node_modules"), "junction");
    file = join(folder, "nested.mjs");
    functions = await importNatively<Functions>(pathToFileURL(file));
  });

  const submitted = (name: string): Promise<Error> => failure(executor.submit(functions[name] as () => unknown));
  const at = (mark: string): string => `${pathToFileURL(file)}:${where(file, `/*${mark}*/`)}`;

  describe("names the user's file", () => {
    it("on nodes of a tree, however deep, with functions that it sees", async () => {
      const root = await bareNode({ workers: 0 });
      await Promise.all([bareNode({ parent: root.address }), bareNode({ parent: root.address, workers: 2 })]);
      executor = await attach(root.address, 3);
      expect(frames(await submitted("arrow"))).toEqual([`at check (${at("check")})`, `at ${at("arrow")}`]);
      expect(frames(await submitted("named"))).toEqual([`at check (${at("check")})`]);
      expect(frames(await submitted("thrice"))).toEqual([`at ${at("third")}`]);
    });

    it("also if the task catches it, and in what is refused there", async () => {
      executor = embedded({ maxWorkers: 2 });
      const gathered = await submitted("gathered");
      expect(frames(gathered)).toEqual([`at gathered (${at("outer")})`]);
      expect(frames(gathered.cause as Error)).toEqual([`at ${at("cause")}`]);

      const refused = await submitted("refused");
      const call = where(file, "given) => task.context().executor.");
      expect(refused).toMatchObject({ location: `${file}:${call}`, path: "the function > holder.socket" });
      expect(refused.message).toContain(` Called at ${file}:${call}.`);
      expect(refused.stack).not.toContain("pydist:///");

      const [first, again] = [where(file, "/*this*/"), where(file, "/*this*/this.name + ")];
      const method = await submitted("method");
      expect(method.message).toContain(`uses this at ${file}:${first}, ${file}:${again}, and a task is called without`);
    });
  });
});

const working = {
  "work.mjs":
    'import { check } from "./lib/check.mjs";\nimport old from "./lib/old.cjs";\n' +
    "export const f = (x) => {\n  return /*f*/check(x);\n};\n" +
    "export const g = (x) => /*g*/old(x);\n",
  "lib/check.mjs": "\nexport function check(x) { throw /*check*/new Error(x); }\n",
  "lib/old.cjs": "module.exports = function old(x) { throw /*old*/new Error(x); };\n",
};

async function expectOwnFiles(executor: ClusterExecutor, url: URL): Promise<void> {
  const check = new URL("lib/check.mjs", url);
  const old = new URL("lib/old.cjs", url);
  const error = await failure(executor.submit(task(url, "f"), ["x"]));
  const expected = [`at check (${check}:${where(check, "/*check*/")})`, `at f (${url}:${where(url, "/*f*/")})`];
  expect(frames(error)).toEqual(expected);
  expect((error as { remote?: { stack?: string } }).remote?.stack).toContain(expected[1]);
  expect(frames(await failure(executor.submit(task(url, "g"), ["x"])))).toEqual([
    `at old (${fileURLToPath(old)}:${where(old, "/*old*/")})`,
    `at g (${url}:${where(url, "/*g*/")})`,
  ]);
}

describe("what a task() reference throws names the user's file, not a node's copy of it", () => {
  it("of a code directory, by a link to the cache as well", async () => {
    const codeDir = folderOf({
      ...working,
      "sp ace$&/work.mjs": "export const h = () => { throw /*h*/new Error(); };",
    });
    const linked = join(folderOf({}), "linked");
    symlinkSync(folderOf({}), linked, "junction");
    const node = await bareNode({ cache: join(linked, "cache") });
    const executor = await attach(node.address, 1, { codeDir });
    await expectOwnFiles(executor, pathToFileURL(join(codeDir, "work.mjs")));
    const url = pathToFileURL(join(codeDir, "sp ace$&", "work.mjs"));
    expect(frames(await failure(executor.submit(task(url, "h"))))).toEqual([`at h (${url}:${where(url, "/*h*/")})`]);
  });

  it("in functions that import its files", async () => {
    const codeDir = folderOf({
      ...working,
      "main.mjs": 'export const h = async () => (await import("./work.mjs")).f(1);',
    });
    const [main, work, check] = ["main.mjs", "work.mjs", "lib/check.mjs"].map((name) =>
      pathToFileURL(join(codeDir, name)),
    ) as [URL, URL, URL];
    const { h } = await importNatively<{ h: () => Promise<unknown> }>(main);
    const executor = embedded({ codeDir });
    expect(frames(await failure(executor.submit(h)))).toEqual([
      `at check (${check}:${where(check, "/*check*/")})`,
      `at Module.f (${work}:${where(work, "/*f*/")})`,
      `at h (${main}:${where(main, '"./work.mjs")).')})`,
    ]);
  });

  it("through source maps that lead out of the code directory", async () => {
    const source =
      "interface Row {\n  readonly a: number;\n}\nexport const f = (row: Row): number => {\n  throw /*f*/new Error(String(row.a));\n};\n";
    const { outputText, sourceMapText = "" } = ts.transpileModule(source, {
      fileName: "../src/work.ts",
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ES2022,
        sourceMap: true,
        sourceRoot: "../src",
      },
    });
    const folder = folderOf({
      "src/work.ts": source,
      "dist/work.js": outputText,
      "dist/work.js.map": sourceMapText,
      "dist/package.json": { type: "module" },
    });
    const node = await bareNode();
    const executor = await attach(node.address, 1, { codeDir: join(folder, "dist") });
    const f = task(pathToFileURL(join(folder, "dist/work.js")), "f");
    const file = join(folder, "src/work.ts");
    expect(frames(await failure(executor.submit(f, [{ a: 1 }])))).toEqual([`at f (${file}:${where(file, "/*f*/")})`]);
  });

  it("also after it was edited", async () => {
    const folder = folderOf(working);
    const url = pathToFileURL(join(folder, "work.mjs"));
    const executor = embedded({});
    await expectOwnFiles(executor, url);
    writeFileSync(url, `// edited\n${working["work.mjs"]}`);
    await expectOwnFiles(executor, url);
  });

  describe.runIf(process.platform === "linux")("that was brought", () => {
    const here = process.cwd();
    afterEach(() => process.chdir(here));

    it("by itself", async () => {
      // A path that leads elsewhere in each process: what is there for this one is nowhere on the node.
      process.chdir(folderOf(working));
      const node = await bareNode();
      await expectOwnFiles(await attach(node.address), new URL("file:///proc/self/cwd/work.mjs"));
    });
  });
});

describe("a module that cannot be imported: the error names the user's file and the place in it", () => {
  const files = {
    "entry.mjs": 'import "./fine.mjs";\nimport { x } from "./lib/bad.mjs";\nexport const f = () => x;\n',
    "fine.mjs": "export {};\n",
    "lib/bad.mjs": "export const y = 1;\nexport const x = = 1;\n",
    "entry.cjs": 'exports.f = () => require("./lib/bad.cjs");\nrequire("./lib/bad.cjs");\n',
    "lib/bad.cjs": "let a = 1;\nlet x = = 1;\n",
    "lacks.mjs": 'import "./fine.mjs";\nimport { nope } from "./fine.mjs";\nexport const f = () => nope;\n',
    "throws.mjs": 'export const f = 1;\nthrow new Error("no luck");\n',
    "no-export.mjs": "export const g = () => 1;\n",
    "main.mjs": 'export const f = async () => (await import("./entry.mjs")).f();\n',
  };

  it.each([
    ["a syntax error in what it imports", "entry.mjs", "Unexpected token '='", "lib/bad.mjs:2:18"],
    ["the same in CommonJS", "entry.cjs", "Unexpected token '='", "lib/bad.cjs:2:9"],
    [
      "an export that there is not",
      "lacks.mjs",
      "The requested module './fine.mjs' does not provide an export named 'nope'",
      "lacks.mjs:2:10",
    ],
    ["an error of its own", "throws.mjs", "no luck", "throws.mjs:2:7"],
  ])("%s", async (_what, name, reason, place) => {
    const codeDir = folderOf(files);
    const executor = embedded({ codeDir });
    const error = await failure(executor.submit(task(pathToFileURL(join(codeDir, name)), "f")));
    const path = join(codeDir, name);
    expect(error).toMatchObject({ code: "PYDIST_E_SHIPPING", path, remedy: "Correct the error there." });
    expect(error.message.replace(/ on node \S+:/, " on NODE:")).toBe(
      `${path} could not be imported on NODE: ${reason} (${join(codeDir, place)}). Correct the error there.`,
    );
  });

  it("or that it does not export what the task needs", async () => {
    const codeDir = folderOf(files);
    const executor = embedded({ codeDir });
    const path = join(codeDir, "no-export.mjs");
    const error = await failure(executor.submit(task(pathToFileURL(path), "f")));
    expect(error).toMatchObject({
      path,
      message: expect.stringMatching(/ exports no function "f" on node \S+, but g\. /),
    });
    expect(error.message.startsWith(`${path} exports`)).toBe(true);
  });

  it("and a function that imports it gets the place as Node's own errors have it", async () => {
    const codeDir = folderOf(files);
    const { f } = await importNatively<{ f: () => Promise<unknown> }>(pathToFileURL(join(codeDir, "main.mjs")));
    const error = await failure(embedded({ codeDir }).submit(f));
    expect(String(error.stack).split("\n", 2)).toEqual([
      join(codeDir, "lib/bad.mjs:2:18"),
      "SyntaxError: Unexpected token '='",
    ]);
  });
});
