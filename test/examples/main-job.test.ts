import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { countFiles, top } from "../../examples/count-words/count.mjs";
import { findSources } from "../../examples/count-words/sources.mjs";
import { renderRow, seahorses, toPng } from "../../examples/mandelbrot/mandelbrot.mjs";
import { alive, run, someSources, start, temporaryFolder, wrongWorkers } from "./support.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const out = folder.file("picture.png");
const small = ["--width", "120", "--height", "80", "--dir", someSources, "--out", out];
// A folder of its own for what the job puts into the system's temporary one.
const scratch = folder.file("tmp");
beforeEach(() => mkdirSync(scratch, { recursive: true }));
const env = { TMPDIR: scratch, TEMP: scratch, TMP: scratch };

/** The process ids that the job prints beside its nodes. */
function pidsIn(stdout: string): number[] {
  const pids = [...stdout.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
  expect(pids).toHaveLength(4);
  return pids;
}

function expectNothingLeft(stdout: string): void {
  expect(alive(pidsIn(stdout))).toEqual([]);
  expect(readdirSync(scratch)).toEqual([]);
}

describe("the main job", () => {
  it("does both jobs on a tree of four processes, shows it, and leaves nothing behind", async () => {
    const { code, stdout, stderr } = await run("main-job", small, env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });

    expect(stdout).toMatch(/^ {2}root .*\n {2}├─ child-1 .*\n {2}│ {2}└─ grandchild .*\n {2}└─ child-2 /m);
    expect(stdout.match(/ {2}the same as a serial run/g)).toHaveLength(2);
    const view = { ...seahorses, width: 120, height: 80 };
    const rows = Array.from({ length: view.height }, (_, row) => renderRow(view, row));
    expect(readFileSync(out).equals(toPng(view, rows))).toBe(true);
    const counts = top(countFiles(findSources(someSources).map(({ path }) => path)), 3);
    expect(stdout).toContain(`most frequent: ${counts.map(([name, count]) => `${name} ${count}`).join(", ")}`);

    const shares = [...stdout.matchAll(/^ {2}.*?(\w[\w-]*) +(\d+) +[\d.]+ s +(\d+) % /gm)];
    expect(shares.map(([, name]) => name)).toEqual(["root", "child-1", "grandchild", "child-2"]);
    const portions = Number(/in (\d+) portions/.exec(stdout)?.[1]);
    expect(shares.reduce((sum, [, , calls]) => sum + Number(calls), 0)).toBe(80 + portions);
    expectNothingLeft(stdout);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("leaves nothing behind after %s", async (signal) => {
    const job = start("main-job", ["--width", "2000", "--height", "4000", "--dir", someSources, "--out", out], env);
    const printed = await job.printed(/child-2 .*pid \d+/);
    expect(alive(pidsIn(printed))).toHaveLength(4);
    job.kill(signal);
    const { code, stdout } = await job.over;
    expect(code).toBe(signal === "SIGINT" ? 130 : 143);
    expect(stdout).not.toContain("Who did how much");
    expectNothingLeft(stdout);
  });

  it("leaves nothing behind when it is interrupted while the nodes start", async () => {
    const job = start("main-job", ["--width", "2000", "--height", "4000", "--dir", someSources, "--out", out], env);
    await expect.poll(() => readdirSync(scratch).length, { interval: 5, timeout: 20_000 }).toBe(1);
    job.kill("SIGTERM");
    const { code, stdout } = await job.over;
    expect(code).toBe(143);
    expect(stdout).not.toContain("Who did how much");
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("leaves nothing behind when it fails", async () => {
    const file = folder.file("a-file");
    writeFileSync(file, "");
    const { code, stdout, stderr } = await run("main-job", [...small, "--out", `${file}/picture.png`], env);
    expect(code).toBe(1);
    expect(stderr).toContain("a-file");
    expectNothingLeft(stdout);
  });

  it("fails when the nodes' results differ from the serial run", async () => {
    const { code, stdout } = await run("main-job", small, { ...env, NODE_OPTIONS: wrongWorkers });
    expect(stdout.match(/NOT THE SAME as a serial run/g)).toHaveLength(2);
    expect(code).toBe(1);
    expect(existsSync(out)).toBe(true);
    expectNothingLeft(stdout);
  });
});
