import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { renderRow, seahorses, toPng } from "../../examples/mandelbrot/mandelbrot.mjs";
import { room, toPng as tracedPng, traceRow } from "../../examples/parasnake-path-tracer/tracer.mjs";
import { freePort } from "../support/ports.js";
import { fileHome, launchNode } from "../support/processes.js";
import { heldUntil, run, start, temporaryFolder } from "./support.js";

const folder = temporaryFolder();
afterAll(folder.remove);

const rowsOf = (height: number, render: (row: number) => Uint8Array): Uint8Array[] =>
  Array.from({ length: height }, (_, row) => render(row));

const size = { width: 60, height: 40 };
const sizeArgs = ["--width", "60", "--height", "40"];

/** A server without workers, a node that has only pydist-node and an empty folder, and one that runs the program. */
async function withNodes(example: string, args: readonly string[]): Promise<string> {
  const { env } = fileHome();
  const port = await freePort();
  const server = start(example, ["--server", "--port", `${port}`, ...args], env);
  // The job is not over before both are there: this one has work of it, and does not begin.
  const go = folder.file(`go-${port}`);
  const own = start(example, ["--port", `${port}`, "--workers", "1"], { ...env, ...heldUntil(go) });
  await own.printed(/has joined/);
  const bare = launchNode({ parent: `127.0.0.1:${port}` });
  await bare.printed((line) => line.includes("ready"));
  writeFileSync(go, "");
  for (const { code } of [await server.over, await own.over, await bare.exited]) expect(code).toBe(0);
  return (await server.over).stdout;
}

describe("the Mandelbrot set by a work server", () => {
  const serial = toPng(
    { ...seahorses, ...size },
    rowsOf(size.height, (row) => renderRow({ ...seahorses, ...size }, row)),
  );

  it("is the serial one when the server works alone", async () => {
    const out = folder.file("alone.png");
    const args = ["--server", "--port", "0", "--workers", "2", ...sizeArgs, "--check", "--out", out];
    const { code, stdout } = await run("parasnake-mandelbrot", args, fileHome().env);
    expect(code).toBe(0);
    expect(stdout).toContain("40 rows of 60 pixels by 1 node");
    expect(stdout).toContain("check: the same as a serial run");
    expect(readFileSync(out).equals(serial)).toBe(true);
  });

  it("is the serial one when nodes do the work, and all of them end with the server", async () => {
    const out = folder.file("nodes.png");
    await withNodes("parasnake-mandelbrot", [...sizeArgs, "--out", out]);
    expect(readFileSync(out).equals(serial)).toBe(true);
  });
});

describe("the path tracer by a work server", () => {
  const scene = { ...size, samples: 4, bounces: 6, spheres: room };
  const serial = tracedPng(
    size,
    rowsOf(size.height, (row) => traceRow(scene, row)),
  );
  const args = [...sizeArgs, "--samples", "4"];

  it("gives the same picture on one node and on several", async () => {
    const [alone, several] = [folder.file("traced-alone.png"), folder.file("traced-several.png")];
    const one = await run(
      "parasnake-path-tracer",
      ["--server", "--port", "0", "--workers", "1", ...args, "--out", alone],
      fileHome().env,
    );
    expect(one.code).toBe(0);
    await withNodes("parasnake-path-tracer", [...args, "--out", several]);
    for (const out of [alone, several]) expect(readFileSync(out).equals(serial)).toBe(true);
  });
});

describe("words in the slices of a file", () => {
  it("are counted by nodes that read it themselves, whatever lies across the end of a slice", async () => {
    const file = folder.file("words.txt");
    const counted = await withNodes("file-slices", ["--file", file, "--sample", "64", "--slice", "3"]);
    // At the end of each MiB but the last, which has no room for it: two words.
    expect(counted).toContain(`${2 * 63} words in ${64 * 1024 * 1024} bytes`);
  });
});
