import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { fileHome, type Home, makeHome } from "../support/processes.js";

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
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string; at: number }>;
  /** Resolves with what stderr has, once it matches. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
}

function start(args: readonly string[], home: Home = fileHome(), env: NodeJS.ProcessEnv = {}): Side {
  const child = spawn(process.execPath, [program, ...args], { cwd: home.folder, env: { ...home.env, ...env } });
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
      resolve({ code, stdout, stderr, at: performance.now() });
    });
  });
  const said = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(stderr);
        if (found !== null) resolve(found);
      };
      child.stderr.on("data", look);
      child.once("close", () => reject(new Error(`It ended without saying ${pattern}: ${stdout}${stderr}`)));
      look();
    });
  return { ended, said, kill: (signal) => child.kill(signal) };
}

async function startServer(...args: string[]): Promise<Side & { readonly address: string }> {
  const server = start(["--server", "--port", "0", ...args]);
  const [, address = ""] = await server.said(/is ready at (\S+)\./);
  return { ...server, address };
}

const sumOfSquares = (n: number): number => ((n - 1) * n * (2 * n - 1)) / 6;

describe("one program for both sides", () => {
  it("serves with --server and works without; when the job is done all end with exit code 0", async () => {
    const server = await startServer("--blocks", "150");
    const [host, port] = server.address.split(":") as [string, string];
    const nodes = [
      start(["--parent", server.address, "--workers", "1"]),
      start(["--ip", host, "--port", port, "--workers", "1"]),
      start([], fileHome(), { PYDIST_PARENT: server.address, PYDIST_WORKERS: "1" }),
    ];
    const { code, stdout } = await server.ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ merged: 150, sum: sumOfSquares(150) });
    for (const node of nodes) expect((await node.ended).code).toBe(0);
  });
});
void makeHome;
