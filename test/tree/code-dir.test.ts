import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sha256 } from "@pydist/shipping";
import { ClusterExecutor, task } from "pydist";
import { afterEach, describe, expect, it } from "vitest";
import type { holdAndTellWhere } from "../fixtures/gate.mjs";
import { folderOf, installed, write } from "../support/folders.js";
import { Gate } from "../support/gate.js";
import { fileHome } from "../support/processes.js";
import { arrivals, attach, bareNode, embedded, failure, passedOn } from "./brought.js";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

const five = installed("", "five", "5.0.0", { "index.js": "module.exports = 5;" });

/** Modules of both kinds, and data, beside each other. */
const project = {
  "work.mjs":
    'import { readFileSync } from "node:fs"; import { factor } from "./lib/factor.js"; import old from "./old.cjs";\n' +
    'const data = readFileSync(new URL("data/n.txt", import.meta.url), "utf8");\n' +
    "export const scale = (n) => n * factor * Number(data) + old.plus;\n" +
    'export const late = async () => (await import("./lib/factor.js")).factor;\n' +
    "export const where = () => import.meta.url;\n",
  "lib/factor.js": "export const factor = 2;\n",
  "package.json": { type: "module" },
  "old.cjs": 'exports.plus = require("./plus.json").plus;',
  "plus.json": { plus: 1 },
  "data/n.txt": "10",
};

describe("a code directory", () => {
  it("is brought to a node: modules, data and what they import find each other", async () => {
    const codeDir = folderOf(project);
    const node = await bareNode();
    const executor = await attach(node.address, 1, { codeDir });
    const url = pathToFileURL(join(codeDir, "work.mjs"));
    expect(await executor.submit(task(url, "scale"), [3])).toBe(61);
    expect(await executor.submit(task(url, "late"))).toBe(2);
    expect(await executor.submit(task(url, "where"))).toContain(pathToFileURL(node.cache).href);
    expect(await executor.map(task<(n: number) => number>(url, "scale"), [1, 2])).toEqual([21, 41]);
    expect(await arrivals(node, 1)).toMatchObject([{ files: 6, of: 6 }]);
  });

  it("may hold large files, which travel in pieces, and empty ones", async () => {
    const large = randomBytes(9 * 1024 * 1024 + 1);
    const work =
      'import { createHash } from "node:crypto"; import { readFileSync } from "node:fs";\n' +
      'export const digest = (name) => createHash("sha256").update(readFileSync(new URL(name, import.meta.url))).digest("hex");';
    const codeDir = folderOf({ "work.mjs": work, "large.bin": large, empty: "" });
    const root = await bareNode({ workers: 0 });
    const node = await bareNode({ parent: root.address });
    const executor = await attach(root.address, 2, { codeDir });
    const digest = task<(name: string) => string>(pathToFileURL(join(codeDir, "work.mjs")), "digest");
    expect(await executor.map(digest, ["large.bin", "empty"])).toEqual([sha256(large), sha256("")]);
    expect(await arrivals(node, 1)).toMatchObject([{ files: 3 }]);
  });

  it("an edit is picked up by the next submit, and only the changed file travels", async () => {
    const codeDir = pathToFileURL(folderOf(project));
    const node = await bareNode();
    const executor = await attach(node.address, 1, { codeDir });
    const scale = task<(n: number) => number>(new URL(`${codeDir}/work.mjs`), "scale");
    expect(await executor.submit(scale, [3])).toBe(61);
    writeFileSync(new URL(`${codeDir}/lib/factor.js`), "export const factor = 30;\n");
    await nextTurn();
    expect(await executor.submit(scale, [3])).toBe(901);
    expect(await arrivals(node, 2)).toMatchObject([{ files: 6 }, { files: 1, bytes: 26, of: 6 }]);
    // Back again: everything is there.
    writeFileSync(new URL(`${codeDir}/lib/factor.js`), "export const factor = 2;\n");
    await nextTurn();
    expect(await executor.submit(scale, [3])).toBe(61);
    expect(await arrivals(node, 2)).toHaveLength(2);
  });

  it("stays as it was for tasks that wait, whatever is edited meanwhile", async () => {
    const codeDir = folderOf(project);
    const root = await bareNode({ workers: 0 });
    const logged: string[] = [];
    const note = (_: object, message: string): void => void logged.push(message);
    const logger = { debug: note, info: note, warn: note, error: note };
    const cacheDir = join(folderOf({}), "cache");
    const executor = await attach(root.address, 1, { codeDir, cacheDir, logger });
    const scale = task<(n: number) => number>(pathToFileURL(join(codeDir, "work.mjs")), "scale");
    const waiting = executor.submit(scale, [3]);
    while (!logged.includes("Files of a tree arrived")) await nextTurn();
    write(codeDir, { "lib/factor.js": "export const factor = 30;\n", "data/n.txt": "77" });
    const later = executor.submit(scale, [3]);
    await bareNode({ parent: root.address });
    expect(await Promise.all([waiting, later])).toEqual([61, 3 * 30 * 77 + 1]);
  });

  it("reaches nodes that join later, and each link once", async () => {
    const codeDir = folderOf(project);
    const root = await bareNode({ workers: 0 });
    const executor = await attach(root.address, 1, { codeDir });
    const scale = task<(n: number) => number>(pathToFileURL(join(codeDir, "work.mjs")), "scale");
    for (let n = 1; n <= 2; n++) {
      const node = await bareNode({ parent: root.address });
      await executor.waitForNodes(2, { timeout: 20_000 });
      expect(await executor.submit(scale, [3])).toBe(61);
      expect(await arrivals(node, 1)).toMatchObject([{ files: 6 }]);
      await node.stop();
    }
    expect(await passedOn(root, 6)).toBe(6);
  });

  it("serves an embedded executor, its initializer, and the nodes that join it", async () => {
    const codeDir = folderOf({
      ...project,
      "gate.mjs": readFileSync(new URL("../fixtures/gate.mjs", import.meta.url)),
      "setup.mjs":
        "export const begin = (value) => { globalThis.began = value; }; export const began = () => globalThis.began;",
    });
    const url = pathToFileURL(join(codeDir, "setup.mjs"));
    const scale = task<(n: number) => number>(pathToFileURL(join(codeDir, "work.mjs")), "scale");
    const executor = embedded({
      codeDir,
      listen: "127.0.0.1:0",
      secretFile: fileHome().secretFile,
      initializer: task(url, "begin"),
      initargs: ["once"],
    });
    await executor.ready();
    expect(await executor.submit(scale, [3])).toBe(61);
    expect(await executor.submit(task(url, "began"))).toBe("once");
    writeFileSync(join(codeDir, "lib/factor.js"), "export const factor = 1;\n");
    await nextTurn();
    expect(await executor.submit(scale, [3])).toBe(31);
    const node = await bareNode({ parent: executor.address as string });
    await executor.waitForNodes(2, { timeout: 20_000 });
    const gate = await Gate.make();
    const held = [1, 2].map(() =>
      executor.submit(task<typeof holdAndTellWhere>(pathToFileURL(join(codeDir, "gate.mjs")), "holdAndTellWhere"), [
        gate.port,
      ]),
    );
    await gate.entered(2);
    gate.open();
    expect(new Set(await Promise.all(held)).size).toBe(2);
    expect(await arrivals(node, 2)).toHaveLength(2);
  });

  it("tasks in it submit others of it, wherever those run", async () => {
    const codeDir = folderOf({
      "deep/inner.mjs": "export const inner = (n) => n + 1;",
      "outer.mjs":
        'import { task } from "pydist";\n' +
        'const inner = task(new URL("deep/inner.mjs", import.meta.url), "inner");\n' +
        "export const outer = async (n) => (await task.context().executor.submit(inner, [n])) * 2;\n",
    });
    // pydist itself is the nodes' own.
    const own = {
      "node_modules/pydist/package.json": { name: "pydist", version: "0", type: "module", exports: "./index.js" },
    };
    const index = `export * from ${JSON.stringify(import.meta.resolve("pydist"))};`;
    const files = { ...own, "node_modules/pydist/index.js": index };
    const root = await bareNode({ workers: 0, files });
    await Promise.all([bareNode({ parent: root.address, files }), bareNode({ parent: root.address, files })]);
    const executor = await attach(root.address, 3, { codeDir });
    const outer = task<(n: number) => Promise<number>>(pathToFileURL(join(codeDir, "outer.mjs")), "outer");
    expect(await executor.map(outer, [1, 2, 3, 4])).toEqual([4, 6, 8, 10]);
  });
});

describe("packages that a code directory imports", () => {
  const files = {
    "work.mjs":
      'export const mean = async (xs) => (await import("simple-statistics")).mean(xs);\n' +
      'export const top = async () => (await import("top")).default;\n' +
      'export const deep = async () => (await import("./deep/x.cjs")).default;\n',
    "deep/x.cjs": 'module.exports = require("@s/deep");',
  };

  it("are brought with it, or are the node's own", async () => {
    const codeDir = folderOf({
      ...files,
      ...installed(
        "",
        "top",
        "1.0.0",
        { "index.js": 'module.exports = require("@s/deep") + "!";' },
        { dependencies: { "@s/deep": "*" } },
      ),
      ...installed("", "@s/deep", "3.0.0"),
    });
    const url = pathToFileURL(join(codeDir, "work.mjs"));
    const node = await bareNode({
      files: installed("", "@s/deep", "3.0.0", { "index.js": 'module.exports = "own";' }),
    });
    const executor = await attach(node.address, 1, { codeDir });
    expect(await executor.submit(task(url, "top"))).toBe("@s/deep 3.0.0!");
    expect(await executor.submit(task(url, "deep"))).toBe("own");
    const alone = embedded({ codeDir });
    expect(await alone.submit(task(url, "top"))).toBe("@s/deep 3.0.0!");
    expect(await alone.submit(task(url, "deep"))).toBe("@s/deep 3.0.0");
  });

  it("if they cannot be, only who imports them fails, with the reason", async () => {
    const codeDir = folderOf({
      "good.mjs": "export const good = () => 1;",
      "bad.mjs": 'import fast from "fast"; export const bad = () => fast;',
      ...installed("", "fast", "2.1.0", { "fast.node": "x" }),
    });
    const node = await bareNode();
    const executor = await attach(node.address, 1, { codeDir });
    expect(await executor.submit(task(pathToFileURL(join(codeDir, "good.mjs")), "good"))).toBe(1);
    const error = await failure(executor.submit(task(pathToFileURL(join(codeDir, "bad.mjs")), "bad")));
    expect(error.message).toContain("Cannot find package 'fast' imported from ");
    expect(error.message).toContain(
      `(package fast@2.1.0 is not installed in or above ${node.cwd}, and Package fast@2.1.0 cannot be brought to a node: it has parts for one kind of machine only (fast.node)). Correct the error in the module, or install on the node what it imports.`,
    );
  });
});

describe("a code directory that cannot be used", () => {
  it("is refused when the executor is made, or when a task is submitted", async () => {
    const codeDir = folderOf({ "work.mjs": "export const f = () => 1;" });
    expect(() => new ClusterExecutor({ codeDir: join(codeDir, "gone") })).toThrow(
      `codeDir: ${join(codeDir, "gone")} is no directory.`,
    );
    expect(() => new ClusterExecutor({ codeDir: new URL("http://x/") })).toThrow("it must be a path or a file: URL.");
    const executor = embedded({ codeDir });
    const f = task(pathToFileURL(join(codeDir, "work.mjs")), "f");
    expect(await executor.submit(f)).toBe(1);
    rmSync(codeDir, { recursive: true });
    expect(() => executor.submit(f)).toThrow("which is no file here");
  });

  it("as a file was changed before it could be copied or sent: the task says so", async () => {
    const codeDir = folderOf({ "work.mjs": 'import "./data.mjs"; export const f = () => 1;', "data.mjs": "1;" });
    const node = await bareNode();
    const executor = await attach(node.address, 1, { codeDir, cacheDir: join(folderOf({}), "cache") });
    const future = executor.submit(task(pathToFileURL(join(codeDir, "work.mjs")), "f"));
    write(codeDir, { "data.mjs": "2;" });
    const error = await failure(future);
    expect(error).toMatchObject({ code: "PYDIST_E_SHIPPING", path: `${codeDir}/` });
    expect(error.message).toMatch(
      new RegExp(
        `^The code directory ${codeDir}/ \\([0-9a-f]{12}\\) could not be brought to node ${node.id}: ${join(codeDir, "data.mjs")} was changed or removed after the task that needs it was submitted. Submit the task again.$`,
      ),
    );
  });
});

// A path that leads elsewhere in each process: what is there for this one is nowhere on the node.
describe.runIf(process.platform === "linux")("a module that a node lacks", () => {
  const here = process.cwd();
  const url = "file:///proc/self/cwd/work.mjs";
  afterEach(() => process.chdir(here));

  it("is brought with what it imports and names by relative paths, and with its packages", async () => {
    process.chdir(
      folderOf({
        ...project,
        "lib/factor.js": 'export { default as factor } from "five";',
        "unrelated.txt": "x",
        ...five,
      }),
    );
    const node = await bareNode();
    const executor = await attach(node.address);
    expect(await executor.submit(task<(n: number) => number>(url, "scale"), [3])).toBe(151);
    const came = await arrivals(node, 2);
    expect(came.map(({ of }) => of)).toEqual([2, 6]);
  });

  it("if it cannot be had, the task says so", async () => {
    const home = folderOf({ "work.mjs": "export const f = () => 1;" });
    process.chdir(home);
    const node = await bareNode();
    const executor = await attach(node.address);
    const future = executor.submit(task(url, "f"));
    write(home, { "work.mjs": "export const f = () => 2;" });
    const error = await failure(future);
    expect(error).toMatchObject({ code: "PYDIST_E_SHIPPING", path: "/proc/self/cwd/work.mjs" });
    expect(error.message).toBe(
      `Task "f" needs /proc/self/cwd/work.mjs (SHA-256 ${sha256("export const f = () => 1;").slice(0, 12)}), which does not exist on node ${node.id}, and could not be brought there: /proc/self/cwd/work.mjs was changed after the task was submitted. Put the same file at the same path on every node, or submit a function that takes along what it needs.`,
    );
  });
});
