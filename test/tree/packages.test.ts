import { chmodSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ClusterExecutor, Future } from "pydist";
import { beforeAll, describe, expect, it } from "vitest";
import type * as functions from "../fixtures/importing.mjs";
import { importNatively } from "../shipping/support.js";
import { folderOf, installed } from "../support/folders.js";
import { type Arrival, arrivals, attach, bareNode, embedded, failure, passedOn } from "./brought.js";

let importing: typeof functions;
beforeAll(async () => {
  importing = await importNatively(new URL("../fixtures/importing.mjs", import.meta.url));
});

/** Has a file of that folder submit its function. */
async function submitterOf(folder: string): Promise<(executor: ClusterExecutor) => Future<unknown>> {
  const { submit } = await importNatively<{ submit: (executor: ClusterExecutor) => Future<unknown> }>(
    pathToFileURL(join(folder, "submit.mjs")),
  );
  return submit;
}

async function submitFrom(folder: string, executor: ClusterExecutor): Promise<unknown> {
  return (await submitterOf(folder))(executor);
}

/** A file that submits a function that imports a package. */
function submitting(specifier: string): string {
  return `export const submit = (executor) => executor.submit(async () => (await import("${specifier}")).default);`;
}

describe("a package that a node lacks is brought", () => {
  it("those of the registry, with all that they depend on", async () => {
    const node = await bareNode();
    const executor = await attach(node.address);
    const { chunk, addDays, parse, evaluate, mean, program, addDaysOfItsOwn } = importing;
    const functions = [chunk, addDays, parse, evaluate, mean, program, addDaysOfItsOwn];
    const results = await Promise.all(functions.map((fn) => executor.submit(fn)));
    expect(results).toEqual([[[1, 2], [3]], 86_400_000, 5, 5, 2, "Program", 172_800_000]);
  });

  it("once: a second task, a second thread and a second start ask for no file again", async () => {
    const node = await bareNode({ workers: 2 });
    const executor = await attach(node.address);
    await Promise.all(Array.from({ length: 20 }, () => executor.submit(importing.mean)));
    expect(await arrivals(node, 1)).toHaveLength(1);
    await node.stop();
    const again = await bareNode({ cache: node.cache });
    const other = await attach(again.address);
    expect(await other.submit(importing.mean)).toBe(2);
    await again.stop();
    expect(await arrivals(again, 0)).toEqual([]);
  });

  it("the node's own is used where it has the same version", async () => {
    const home = folderOf({ ...installed("", "own", "1.0.0"), "submit.mjs": submitting("own") });
    const other = { "index.js": 'module.exports = "of the node";' };
    const node = await bareNode({ files: installed("", "own", "1.0.0", other) });
    expect(await submitFrom(home, await attach(node.address))).toBe("of the node");
    const older = await bareNode({ files: installed("", "own", "0.9.0", other) });
    expect(await submitFrom(home, await attach(older.address))).toBe("own 1.0.0");
  });

  it("in the version that the submitting file finds, and both beside each other", async () => {
    const home = folderOf({
      ...installed("", "dual", "1.0.0"),
      ...installed("deep", "dual", "2.0.0"),
      "submit.mjs": submitting("dual"),
      "deep/submit.mjs": submitting("dual"),
    });
    const executor = await attach((await bareNode()).address);
    expect(await Promise.all([submitFrom(home, executor), submitFrom(join(home, "deep"), executor)])).toEqual([
      "dual 1.0.0",
      "dual 2.0.0",
    ]);
  });

  it("also to an embedded executor's threads, from where it lies, native parts and all", async () => {
    const home = folderOf({
      ...installed("", "quick", "2.1.0", { "quick.node": "x" }),
      "submit.mjs": submitting("quick"),
    });
    expect(await submitFrom(home, embedded({}))).toBe("quick 2.1.0");
  });

  it("those that depend on each other", async () => {
    const asking = (name: string, other: string): string =>
      `exports.ask = () => require("${other}").name; exports.name = "${name}";`;
    const home = folderOf({
      ...installed("", "one", "1.0.0", { "index.js": asking("one", "two") }, { dependencies: { two: "*" } }),
      ...installed("", "two", "1.0.0", { "index.js": asking("two", "one") }, { dependencies: { one: "*" } }),
      "submit.mjs": `export const submit = (executor) =>
        executor.submit(async () => [(await import("one")).ask(), (await import("two")).ask()]);`,
    });
    expect(await submitFrom(home, await attach((await bareNode()).address))).toEqual(["two", "one"]);
  });

  it("for what a task itself submits", async () => {
    const root = await bareNode({ workers: 0 });
    await bareNode({ parent: root.address });
    const executor = await attach(root.address, 2);
    expect(await executor.submit(importing.nested)).toEqual([2, 3]);
  });
});

describe("through the tree", () => {
  it("a second child costs no second transfer from above, and a late joiner gets it, too", async () => {
    const root = await bareNode({ workers: 0 });
    const first = await bareNode({ parent: root.address });
    const executor = await attach(root.address, 2);
    expect(await executor.submit(importing.mean)).toBe(2);
    const [{ files }, ...more] = (await arrivals(first, 1)) as [Arrival];
    expect(more).toEqual([]);
    expect(await passedOn(root, files)).toBe(files);
    await first.stop();
    const second = await bareNode({ parent: root.address });
    await executor.waitForNodes(2, { timeout: 20_000 });
    expect(await executor.submit(importing.mean)).toBe(2);
    expect(await arrivals(second, 1)).toMatchObject([{ files }]);
    // It came from the root, which has asked for nothing more.
    await root.stop();
    expect(await passedOn(root, files)).toBe(files);
  });
});

describe("a package that cannot be brought", () => {
  it("is refused with node, version, reason and remedy: a native one", async () => {
    const home = folderOf({
      ...installed("", "fast", "2.1.0", { "fast.node": "x" }),
      "submit.mjs": submitting("fast"),
    });
    const node = await bareNode();
    const error = await failure(submitFrom(home, await attach(node.address)));
    expect(error).toMatchObject({
      code: "PYDIST_E_SHIPPING",
      path: "fast@2.1.0",
      message: `Package fast@2.1.0 is not installed on node ${node.id} in or above ${node.cwd}, and could not be brought there: Package fast@2.1.0 cannot be brought to a node: it has parts for one kind of machine only (fast.node). Install fast@2.1.0 on the node, in or above ${node.cwd}.`,
    });
    const other = await bareNode({ files: installed("", "fast", "1.0.0") });
    const wrong = await failure(submitFrom(home, await attach(other.address)));
    expect(wrong.message).toContain(
      `in or above ${other.cwd}, which has 1.0.0 there, and could not be brought there: `,
    );
  });

  it("or one that was removed meanwhile", async () => {
    const home = folderOf({ ...installed("", "gone", "1.0.0"), "submit.mjs": submitting("gone") });
    const node = await bareNode();
    const executor = await attach(node.address);
    const submit = await submitterOf(home);
    const future = submit(executor);
    rmSync(join(home, "node_modules"), { recursive: true });
    expect((await failure(future)).message).toBe(
      `Package gone@1.0.0 is not installed on node ${node.id} in or above ${node.cwd}, and could not be brought there: package gone@1.0.0 was removed or changed in ${home} after the task was submitted. Install gone@1.0.0 on the node, in or above ${node.cwd}.`,
    );
  });

  it("or one for which there is no place", async () => {
    const home = folderOf({ ...installed("", "homeless", "1.0.0"), "submit.mjs": submitting("homeless"), file: "x" });
    const cache = join(home, "file", "cache");
    const node = await bareNode({ cache });
    const error = await failure(submitFrom(home, await attach(node.address)));
    expect(error.message).toBe(
      `Package homeless@1.0.0 is not installed on node ${node.id} in or above ${node.cwd}, and could not be brought there: Files cannot be kept in the cache ${cache} (ENOTDIR). Install homeless@1.0.0 on the node, in or above ${node.cwd}.`,
    );
  });
});

describe("a cache", () => {
  it.skipIf(process.platform === "win32")(
    "that others may write to is not used: the error says what to do",
    async () => {
      const home = folderOf({ ...installed("", "homeless", "1.0.0"), "submit.mjs": submitting("homeless") });
      const cache = folderOf({});
      chmodSync(cache, 0o777);
      const node = await bareNode({ cache });
      const error = await failure(submitFrom(home, await attach(node.address)));
      expect(error).toMatchObject({ code: "PYDIST_E_SHIPPING" });
      expect(error.message).toContain(
        `and could not be brought there: No code is taken from the cache folder ${cache}: others than its owner may write to it (mode 777). Empty it and take that right away with chmod go-w, or name another folder with --cache-dir or the option cacheDir. Install homeless@1.0.0 on the node,`,
      );
    },
  );

  it("is shared by two nodes of one machine, which start at the same time", async () => {
    const cache = join(folderOf({}), "cache");
    const nodes = await Promise.all([bareNode({ cache }), bareNode({ cache })]);
    const executors = await Promise.all(nodes.map(({ address }) => attach(address)));
    expect(await Promise.all(executors.map((executor) => executor.submit(importing.mean)))).toEqual([2, 2]);
    expect(readdirSync(join(cache, "v1", "trees"))).toHaveLength(1);
    expect(readdirSync(join(cache, "v1", "tmp"))).toEqual([]);
  });

  it("that was damaged is mended: only the damaged file comes again", async () => {
    const home = folderOf({
      ...installed("", "torn", "1.0.0", {
        "index.js": 'module.exports = require("./data.json").n;',
        "data.json": { n: 5 },
      }),
      "submit.mjs": submitting("torn"),
    });
    const node = await bareNode();
    const executor = await attach(node.address);
    expect(await submitFrom(home, executor)).toBe(5);
    await node.stop();
    const trees = join(node.cache, "v1", "trees");
    const [tree = ""] = readdirSync(trees);
    truncateSync(
      join(trees, tree, "root", "node_modules", ".store", "torn@1.0.0", "node_modules", "torn", "data.json"),
    );
    const again = await bareNode({ cache: node.cache });
    expect(await submitFrom(home, await attach(again.address))).toBe(5);
    expect(await arrivals(again, 1)).toMatchObject([{ files: 1, of: 3 }]);
  });
});
