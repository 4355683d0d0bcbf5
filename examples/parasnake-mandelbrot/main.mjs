// The Mandelbrot set by a work server and its nodes, which may come and go while it runs. One program for both sides.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { JobServer, main } from "@pydist/work-server";
import { renderRow, seahorses, toPng } from "../mandelbrot/mandelbrot.mjs";
import { wholeNumber } from "../options.mjs";

/**
 * Hands out the rows of a picture.
 * @extends {JobServer<import("../mandelbrot/mandelbrot.mjs").View, number, { row: number, pixels: Uint8Array }>}
 */
class Picture extends JobServer {
  /** @type {Uint8Array[]} */
  rows = [];
  /** How many rows each node rendered. @type {Map<string, number>} */
  share = new Map();
  next = 0;
  merged = 0;

  /** @param {import("../mandelbrot/mandelbrot.mjs").View} view */
  constructor(view) {
    super();
    this.view = view;
  }

  /** @override */
  initData() {
    return this.view;
  }

  /** @override */
  nextData() {
    return this.next < this.view.height ? this.next++ : undefined;
  }

  /** @override @param {string} node @param {{ row: number, pixels: Uint8Array }} result */
  processResult(node, { row, pixels }) {
    this.rows[row] = pixels;
    this.merged++;
    this.share.set(node, (this.share.get(node) ?? 0) + 1);
  }

  /** @override */
  isDone() {
    return this.merged === this.view.height;
  }

  /** @override @param {string} node */
  nodeLost(node) {
    console.log(`node ${node} is lost; others render its rows`);
  }
}

/** Renders rows, on a thread of a node. */
class Renderer {
  /** @param {import("../mandelbrot/mandelbrot.mjs").View} view */
  init(view) {
    this.view = view;
  }

  /** @param {number} row */
  process(row) {
    return { row, pixels: renderRow(/** @type {any} */ (this.view), row) };
  }
}

/** @type {Picture | undefined} */
let picture;
/** @type {Record<string, any>} */
let options = {};

await main(
  (values) => {
    options = values;
    const [width, height] = [wholeNumber("width", options.width), wholeNumber("height", options.height)];
    picture = new Picture({ ...seahorses, width, height });
    return picture;
  },
  Renderer,
  {
    flags: {
      width: { type: "string", default: "960" },
      height: { type: "string", default: "600" },
      out: { type: "string", default: fileURLToPath(new URL("../../artifacts/mandelbrot.png", import.meta.url)) },
      check: { type: "boolean", default: false },
    },
  },
);

if (picture?.isDone()) {
  const { view, rows, share } = picture;
  const png = toPng(view, rows);
  mkdirSync(dirname(resolve(options.out)), { recursive: true });
  writeFileSync(options.out, png);
  console.log(`${view.height} rows of ${view.width} pixels by ${share.size} ${share.size === 1 ? "node" : "nodes"}`);
  console.log(`picture: ${options.out}`);
  if (options.check) {
    const serial = toPng(
      view,
      Array.from({ length: view.height }, (_, row) => renderRow(view, row)),
    );
    const same = Buffer.from(png).equals(serial);
    console.log(same ? "check: the same as a serial run" : "check: NOT the same as a serial run");
    if (!same) process.exitCode = 1;
  }
}
