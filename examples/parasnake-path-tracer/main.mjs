// A room with a lamp, path traced by a work server and its nodes. The picture does not depend on who rendered which row.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { JobServer, main } from "@pydist/work-server";
import { wholeNumber } from "../options.mjs";
import { room, toPng, traceRow } from "./tracer.mjs";

/**
 * Hands out rows, and puts them together.
 * @extends {JobServer<import("./tracer.mjs").Scene, number, { row: number, pixels: Uint8Array }>}
 */
class Picture extends JobServer {
  /** @type {Uint8Array[]} */
  rows = [];
  next = 0;
  merged = 0;

  /** @param {import("./tracer.mjs").Scene} scene */
  constructor(scene) {
    super();
    this.scene = scene;
  }

  /** @override */
  initData() {
    return this.scene;
  }

  /** @override */
  nextData() {
    return this.next < this.scene.height ? this.next++ : undefined;
  }

  /** @override @param {string} _node @param {{ row: number, pixels: Uint8Array }} result */
  processResult(_node, { row, pixels }) {
    this.rows[row] = pixels;
    this.merged++;
  }

  /** @override */
  isDone() {
    return this.merged === this.scene.height;
  }
}

/** Traces rows, on a thread of a node. */
class Tracer {
  /** @param {import("./tracer.mjs").Scene} scene */
  init(scene) {
    this.scene = scene;
  }

  /** @param {number} row */
  process(row) {
    return { row, pixels: traceRow(/** @type {any} */ (this.scene), row) };
  }
}

/** @type {Picture | undefined} */
let picture;
/** @type {Record<string, any>} */
let options = {};

await main(
  (values) => {
    options = values;
    picture = new Picture({
      width: wholeNumber("width", options.width),
      height: wholeNumber("height", options.height),
      samples: wholeNumber("samples", options.samples),
      bounces: 6,
      spheres: room,
    });
    return picture;
  },
  Tracer,
  {
    flags: {
      width: { type: "string", default: "320" },
      height: { type: "string", default: "240" },
      samples: { type: "string", default: "64" },
      out: { type: "string", default: fileURLToPath(new URL("../../artifacts/path-tracer.png", import.meta.url)) },
    },
  },
);

if (picture?.isDone()) {
  const { scene, rows } = picture;
  mkdirSync(dirname(resolve(options.out)), { recursive: true });
  writeFileSync(options.out, toPng(scene, rows));
  console.log(`${scene.height} rows of ${scene.width} pixels, ${scene.samples} paths for each`);
  console.log(`picture: ${options.out}`);
}
