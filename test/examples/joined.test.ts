import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { toPng } from "../../examples/mandelbrot/mandelbrot.mjs";
import { juliaRow } from "../../examples/slinger-fractal/julia.mjs";
import { fileHome, type NodeProcess, spawnNode } from "../support/processes.js";
import { type Running, start, temporaryFolder } from "./support.js";

const folder = temporaryFolder();
afterAll(folder.remove);

/** Does what the program says that one should do: starts a node with the arguments that it prints. */
async function join(program: Running, name: string): Promise<NodeProcess> {
  const printed = await program.printed(/pydist-node spawn .*\n/);
  const [, parent] = / --parent (\S+)/.exec(printed) ?? [];
  const [, cluster] = / --cluster (\S+)/.exec(printed) ?? [];
  const [, secretFile] = / --secret-file (\S+)/.exec(printed) ?? [];
  const args = [...(cluster ? ["--cluster", cluster] : []), ...(secretFile ? ["--secret-file", secretFile] : [])];
  return spawnNode({ name, parent: parent ?? "", args });
}

/** Calls by the names of those that made them, from the table at the end. */
function callsIn(stdout: string): Map<string, number> {
  const rows = [...stdout.matchAll(/^ {2}(\S+) +(\d+) +[\d.]+ s +\d+ %$/gm)];
  return new Map(rows.map(([, name, calls]) => [name as string, Number(calls)]));
}

describe("the example hurricane-tasks", () => {
  it("is a master whose slaves join it, and ends when it has enough of an endless stream", async () => {
    const args = ["--listen", "127.0.0.1:0", "--nodes", "2", "--count", "300"];
    const program = start("hurricane-tasks", args, fileHome().env);
    const slaves = await Promise.all([join(program, "slave-1"), join(program, "slave-2")]);
    const { code, stdout, stderr } = await program.over;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("2 joined");
    expect(stdout).toMatch(/^task \d+, (?:reverse|count|shout): /m);
    expect(stdout).toContain("300 tasks done");
    const calls = callsIn(stdout);
    expect([...calls.keys()].sort()).toEqual(["master", "slave-1", "slave-2"]);
    expect([...calls.values()].reduce((a, b) => a + b)).toBeGreaterThanOrEqual(300);
    // They look for their master, for as long as it takes.
    await Promise.all(
      slaves.map((slave) => slave.logged((line) => line.includes("Parent lost; looking for it again"))),
    );
  });
});

describe("the example slinger-fractal", () => {
  it("has a key of its own, and a master that stops and begins working as it is told", async () => {
    const out = folder.file("julia.png");
    const [width, height] = [90, 60];
    const options = ["--port", "0", "--workers", "2", "--width", `${width}`, "--height", `${height}`, "--out", out];
    const args = [...options, "--secret-file", fileHome().secretFile, "--check"];
    const program = start("slinger-fractal", args);
    await Promise.all([join(program, "worker-1"), join(program, "worker-2")]);
    const { code, stdout, stderr } = await program.over;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^workers: master \(.*depth 0\), worker-\d .*depth 1\), worker-\d .*depth 1\)$/m);
    expect(stdout).toContain("drained, the master did 0 of 20 rows");
    expect(stdout).toContain("check: the same as a serial run");
    const calls = callsIn(stdout);
    expect([...calls.keys()].sort()).toEqual(["master", "worker-1", "worker-2"]);
    expect([...calls.values()].reduce((a, b) => a + b)).toBe(height);
    const view = { width, height, re: -0.79, im: 0.156, depth: 400 };
    const rows = Array.from({ length: height }, (_, row) => juliaRow(view, row));
    expect(existsSync(out) && readFileSync(out).equals(toPng(view, rows))).toBe(true);
    expect(new Set(rows.map((row) => row.join())).size).toBeGreaterThan(height / 2);
  });
});
