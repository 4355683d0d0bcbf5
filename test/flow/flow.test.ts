import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type NodeProcess, spawnTree } from "../support/processes.js";
import { runProgram } from "../support/programs.js";

/** `npm run flow` (`PYDIST_FLOW=long`) is the form that takes minutes. */
const long = process.env.PYDIST_FLOW === "long";
const size = long ? { megabytes: 1024, queued: 100_000 } : { megabytes: 640, queued: 5000 };
const LIMIT = long ? 900_000 : 120_000;
const MIB = 1024 * 1024;
/** By how much a process may grow, however much passes through it: twice what may wait there, and its garbage. */
const BOUND = 320 * MIB;
const work = new URL("fixtures/work.mjs", import.meta.url);

/** The most memory that a process ever had, in bytes. */
function peakOf({ pid }: NodeProcess): number {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

/** Runs the program above a chain of three nodes. @returns by how many bytes each process grew at the most, and its peak */
async function grown(how: string, count: number): Promise<Map<string, { readonly by: number; readonly to: number }>> {
  // A heap that may grow to gigabytes does, before anything in it is collected; and one that needs more than this ends.
  const options = { workers: 0, args: ["--no-supervise"], env: { NODE_OPTIONS: "--max-old-space-size=96" } };
  const leaf = { ...options, name: "leaf", workers: 2, args: [...options.args, "--tasks-per-worker", "4"] };
  const child = { ...options, name: "child", children: [leaf] };
  const tree = await spawnTree({ ...options, name: "root", children: [child] });
  const before = new Map([...tree.nodes].map(([name, node]) => [name, peakOf(node)]));
  const { code, stdout, stderr } = await runProgram(work, {
    env: { PYDIST_ADDRESS: tree.address },
    args: [how, `${count}`],
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const sizes = new Map([["program", { by: Number(stdout), to: 0 }]]);
  for (const [name, node] of tree.nodes) {
    const to = peakOf(node);
    sizes.set(name, { by: to - (before.get(name) as number), to });
  }
  const listed = [...sizes].map(([name, { by }]) => `${name} by ${(by / MIB).toFixed()} MiB`);
  console.log(`flow, ${how} ${count}: grew ${listed.join(", ")}`);
  return sizes;
}

// Elsewhere nobody tells what a process had at the most.
describe.skipIf(process.platform !== "linux")("memory stays bounded in all processes (as /proc of Linux tells)", () => {
  it.each(["read", "busy"])("while a program has large results coming (%s)", { timeout: LIMIT }, async (how) => {
    for (const [name, { by }] of await grown(how, size.megabytes)) {
      expect(by, `growth of ${name}`).toBeLessThan(BOUND);
    }
  });

  it("on nodes, however many tasks a program has queued", { timeout: LIMIT }, async () => {
    const few = await grown("queued", size.queued);
    const many = await grown("queued", 10 * size.queued);
    // Not ten times as much: they hold what their credit allows, and what is not collected yet.
    for (const name of ["root", "child", "leaf"]) {
      expect(many.get(name)?.to, `peak of ${name}`).toBeLessThan(2 * (few.get(name)?.to as number));
    }
  });
});
