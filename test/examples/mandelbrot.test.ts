import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderRow, seahorses, toPng } from "../../examples/mandelbrot/mandelbrot.mjs";
import { goTo, type Place, places } from "./clusters.js";
import { run, temporaryFolder, wrongWorkers } from "./support.js";

const size = { width: 90, height: 60 };
const sizeArgs = ["--width", String(size.width), "--height", String(size.height)];
const folder = temporaryFolder();
afterAll(folder.remove);

describe("a row", () => {
  const wholeSet = { width: 60, height: 41, x: -0.75, y: 0, span: 3.2, depth: 200 };

  it("is black inside the set and coloured outside", () => {
    const middle = renderRow(wholeSet, 20);
    const pixel = (column: number): number[] => [...middle.subarray(column * 3, column * 3 + 3)];
    expect(pixel(40)).toEqual([0, 0, 0]);
    expect(Math.max(...pixel(58))).toBeGreaterThan(0);
  });

  it("is the mirror image of the row as far below the real axis", () => {
    expect(renderRow(wholeSet, 3)).toEqual(renderRow(wholeSet, 37));
    expect(renderRow(wholeSet, 3)).not.toEqual(renderRow(wholeSet, 20));
  });
});

describe.each(places)("the Mandelbrot example %s", (name) => {
  let place: Place;
  beforeAll(async () => {
    place = await goTo(name);
  });
  afterAll(() => place?.leave());

  it("renders the picture that a serial run renders", async () => {
    const out = folder.file(`${name}.png`);
    const { code, stdout, stderr } = await run("mandelbrot", [...sizeArgs, "--out", out, "--check"], place.env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("60 rows of 90 pixels");
    expect(stdout).toContain("check: the same as a serial run");
    const view = { ...seahorses, ...size };
    const rows = Array.from({ length: size.height }, (_, row) => renderRow(view, row));
    expect(readFileSync(out).equals(toPng(view, rows))).toBe(true);
    expect([undefined, size.height]).toContain(await place.calls());
  });
});

describe("the Mandelbrot example", () => {
  it("says so and fails when the check finds a difference", async () => {
    const { code, stdout } = await run("mandelbrot", [...sizeArgs, "--out", folder.file("wrong.png"), "--check"], {
      NODE_OPTIONS: wrongWorkers,
    });
    expect(stdout).toContain("check: NOT the same as a serial run");
    expect(code).toBe(1);
  });

  it("refuses a size that is none", async () => {
    const { code, stderr } = await run("mandelbrot", ["--width", "wide"]);
    expect(stderr).toBe('--width is "wide"; it must be a whole number of at least 1.\n');
    expect(code).toBe(2);
  });
});
