import { spawnSync } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveNamed } from "../../packages/pydist-node/dist/links/schemes.js";
import { asInstalled } from "../support/as-installed.js";
import { attach } from "../support/attach.js";
import { fileHome, nodeJoined, runCli, spawnNode } from "../support/processes.js";
import "./lan.js";

const env = { PYDIST_MULTICAST: process.env.PYDIST_MULTICAST };
const discovering = (name: string) => spawnNode({ name, env, args: ["--discover", "--allow-exec"] });

describe("spawn --discover", () => {
  it("makes a tree, which every command that takes an address finds", async () => {
    const root = await discovering("root");
    const child = await discovering("child");
    await nodeJoined(root, child.id);
    const ask = async (args: readonly string[], more: object = {}) => {
      const { code, stdout, stderr } = await runCli(args, { env: { ...env, ...more } });
      expect({ args, code, stderr }).toMatchObject({ args, code: 0 });
      return stdout;
    };
    const tree = JSON.parse(await ask(["tree", "discover:", "--json"])) as { name: string }[];
    expect(tree.map(({ name }) => name)).toEqual(["root", "child"]);
    expect(JSON.parse(await ask(["status", "--json"], { PYDIST_ADDRESS: "discover:" }))).toMatchObject({
      name: "root",
    });
    expect(await ask(["run", "discover:", "--all", "--", "node", "-p", "1 + 1"])).toMatch(/^\[(root|child)\] 2$/m);
    expect(await ask(["doctor", "discover:default", "--port", "0", "--cluster", "other"])).toMatch(
      new RegExp(`^ok +found +discover:default leads to ${root.address}\nok +reach .*\nok +handshake +"root" has`, "m"),
    );
  });

  it("is said by doctor to have led nowhere, with what to do", async () => {
    const args = ["doctor", "discover:nobody", "--connect-timeout", "300", "--port", "0"];
    const { code, stdout } = await runCli(args, { env });
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /^fail +found +No node of the cluster "nobody" was found within 300 ms by multicast DNS .*; nobody answered\. Start one/m,
    );
  });

  it("goes on when its process dies: the next one finds the tree again", async () => {
    const root = await discovering("root");
    const child = await discovering("child");
    await nodeJoined(root, child.id);
    const executor = attach(child.address, { attempts: 1 });
    await executor.submit(() => void process.kill(process.pid, "SIGKILL")).exception();
    await child.logged((line) => line.includes("another one takes its place"));
    await root.logged((line) => line.includes('"msg":"Node lost"') && line.includes(child.id));
    const attached = attach(root.address);
    await attached.waitForNodes(2, { timeout: 15_000 });
    // One that has just come may be too busy yet to answer for itself.
    await expect.poll(async () => (await attached.nodes())[1]).toMatchObject({ id: child.id, parent: root.id });
  });
});

describe("without what it takes", () => {
  it("the package is named, with the command that installs it", async () => {
    const { copy } = asInstalled("", "pydist-node", []);
    const from = dirname(createRequire(import.meta.url).resolve("pydist-node/package.json"));
    symlinkSync(join(from, "node_modules"), join(copy, "node_modules"));
    expect(existsSync(join(copy, "node_modules/@pydist/discovery"))).toBe(false);
    const call = (...args: string[]) => {
      // A runner's NODE_PATH would find the package after all.
      const { env, folder: cwd } = fileHome();
      const options = { env: { ...env, NODE_PATH: "" }, cwd, encoding: "utf8", timeout: 15_000 } as const;
      const { status, stderr } = spawnSync(process.execPath, [join(copy, "dist/cli/main.js"), ...args], options);
      return { status, stderr };
    };
    const package_ =
      "the package @pydist/discovery, which is not installed here. Install it: npm install @pydist/discovery (with --global if pydist-node is).\n";
    expect(call("spawn", "--discover", "--port", "0")).toEqual({
      status: 2,
      stderr: `pydist-node: A node with --discover (the option discover) needs ${package_}`,
    });
    expect(call("tree", "discover:")).toEqual({
      status: 2,
      stderr: `pydist-node: ADDRESS: Addresses such as "discover:" need ${package_}`,
    });
  });

  it("an address of another scheme is refused by the package's name", async () => {
    const places = resolveNamed({ package: "@pydist/wings", cluster: "" }, "fly:", { cluster: "c", timeout: 1 });
    await expect(places[Symbol.asyncIterator]().next()).rejects.toThrow(
      'Addresses such as "fly:" need the package @pydist/wings, which is not installed here.',
    );
  });

  it("a node's parent is not discover:, which is told", async () => {
    const { code, stderr } = await runCli(["spawn", "--parent", "discover:"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        'pydist-node: --parent: "discover:" is for programs. A node that is to find others is started with --discover.\n',
    });
  });

  it("a node without a secret stops, and makes none that would differ from the others'", async () => {
    const { code, stderr } = await runCli(["spawn", "--discover", "--port", "0"], {
      env: { ...env, PYDIST_SECRET_FILE: "/no/such/secret" },
    });
    expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining("/no/such/secret does not exist") });
  });

  it("a group that is none is named", async () => {
    const wrong = { env: { PYDIST_MULTICAST: "x" } };
    for (const args of [
      ["spawn", "--discover", "--port", "0"],
      ["tree", "discover:"],
    ]) {
      const { code, stderr } = await runCli(args, wrong);
      expect({ code, stderr }).toEqual({
        code: 3,
        stderr: expect.stringMatching(/^pydist-node: PYDIST_MULTICAST: "x" is no multicast group/),
      });
    }
  });
});
