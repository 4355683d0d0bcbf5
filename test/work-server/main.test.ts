import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { fileHome, launchNode, makeHome } from "../support/processes.js";

const program = fileURLToPath(new URL("./fixtures/squares.mjs", import.meta.url));
const running = new Set<ChildProcess>();
afterEach(async () => {
  const left = [...running];
  await Promise.all(
    left.map((child) => {
      const gone = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      return gone;
    }),
  );
});

interface Side {
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Resolves with what stdout has, once it matches. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
}

function start(args: readonly string[], { cwd, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Side {
  const home = fileHome();
  const child = spawn(process.execPath, [program, ...args], { cwd: cwd ?? home.folder, env: { ...home.env, ...env } });
  running.add(child);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const ended = new Promise<Awaited<Side["ended"]>>((resolve) => {
    child.once("close", (code) => {
      running.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
  const said = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(stdout);
        if (found !== null) resolve(found);
      };
      child.stdout.on("data", look);
      child.once("close", () => reject(new Error(`It ended without saying ${pattern}: ${stdout}${stderr}`)));
      look();
    });
  return { ended, said, kill: (signal) => child.kill(signal) };
}

/** A folder with a configuration file. */
function folderWith(config: object): string {
  const { folder } = makeHome({ secret: false });
  writeFileSync(join(folder, "pydist.config.json"), JSON.stringify(config));
  return folder;
}

async function startServer(...args: string[]): Promise<Side & { readonly address: string }> {
  const server = start(["--server", "--port", "0", ...args]);
  const [, address = ""] = await server.said(/is ready at (\S+)\./);
  return { ...server, address };
}

const sumOfSquares = (n: number): number => ((n - 1) * n * (2 * n - 1)) / 6;

/** The last line that the server printed. */
function outcomeIn(stdout: string): unknown {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
}

describe("one program for both sides", () => {
  it("serves with --server and works without; when the job is done all end with exit code 0", async () => {
    const server = await startServer("--blocks", "150", "--nodes", "5");
    const [host, port] = server.address.split(":") as [string, string];
    const nodes = [
      start(["--parent", server.address, "--workers", "1"]),
      start(["--ip", host, "--port", port, "--workers", "1"]),
      start([], { env: { PYDIST_PARENT: server.address, PYDIST_WORKERS: "1" } }),
      start([], { cwd: folderWith({ parent: server.address, workers: 1 }) }),
    ];
    const spawned = launchNode({ parent: server.address });
    const { code, stdout } = await server.ended;
    expect(code).toBe(0);
    expect(outcomeIn(stdout)).toMatchObject({ merged: 150, sum: sumOfSquares(150) });
    for (const node of nodes) expect((await node.ended).code).toBe(0);
    expect((await spawned.exited).code).toBe(0);
  });

  it("all nodes end with the server, sooner than they joined it", async () => {
    // The machine may be busy once, but not each time.
    let sooner = false;
    for (let i = 0; i < 3 && !sooner; i++) sooner = await endsSooner();
    expect(sooner).toBe(true);
  });

  async function endsSooner(): Promise<boolean> {
    const server = await startServer("--blocks", "150", "--nodes", "4");
    const begun = performance.now();
    const nodes = Array.from({ length: 4 }, () => start(["--parent", server.address, "--workers", "1"]));
    await Promise.all(nodes.map((node) => node.said(/has joined/)));
    const joined = performance.now();
    await server.ended;
    const over = performance.now();
    for (const node of nodes) expect((await node.ended).code).toBe(0);
    // What starts a process takes as long as what ends it, and more, however busy the machine is.
    return performance.now() - over < joined - begun;
  }

  it("the server itself works only if it has workers", async () => {
    const alone = await startServer("--blocks", "20", "--workers", "1");
    expect(outcomeIn((await alone.ended).stdout)).toEqual({ merged: 20, sum: sumOfSquares(20), nodes: 1 });
    const serving = await startServer("--blocks", "20");
    const node = start(["--parent", serving.address, "--workers", "1"]);
    expect(outcomeIn((await serving.ended).stdout)).toEqual({ merged: 20, sum: sumOfSquares(20), nodes: 1 });
    expect((await node.ended).code).toBe(0);
  });

  it("a node that is told to leave does, and the job goes on with another one", async () => {
    const server = await startServer("--blocks", "300", "--nodes", "2");
    const leaving = start(["--parent", server.address, "--workers", "1"]);
    await server.said(/^1 asked/m);
    leaving.kill("SIGTERM");
    expect((await leaving.ended).code).toBe(143);
    const staying = start(["--parent", server.address, "--workers", "1"]);
    expect((await server.ended).code).toBe(0);
    expect((await staying.ended).code).toBe(0);
  });

  it("a job that fails ends the server with its error, and the nodes as well", async () => {
    const server = await startServer("--blocks", "20", "--fail");
    const node = start(["--parent", server.address, "--workers", "1"]);
    const { code, stderr } = await server.ended;
    expect(code).toBe(1);
    expect(stderr).toContain("RangeError: block 7 is out of range");
    expect((await node.ended).code).toBe(0);
  });

  it.each([
    [
      ["--ports", "1"],
      2,
      /^Unknown option '--ports'.* There are --blocks, --nodes, --fail, --server, --ip, --secret-file, /,
    ],
    [["--port", "many"], 2, /^--port: /],
    [["--parent", "127.0.0.1:1", "--connect-timeout", "50"], 3, /127\.0\.0\.1:1/],
  ])("%j is refused with exit code %i", async (args, exit, message) => {
    const { code, stderr } = await start(args).ended;
    expect(code).toBe(exit);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
