// Counts the words of one large file, a slice a block: each node reads its slices itself, from a disk that all of them see,
// and only positions and counts travel.
import { closeSync, ftruncateSync, mkdirSync, openSync, statSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { JobServer, main } from "@pydist/work-server";
import { wholeNumber } from "../options.mjs";

const MIB = 1024 * 1024;

/**
 * Hands out the slices of a file.
 * @extends {JobServer<string, { offset: number, size: number }, { words: number, bytes: number }>}
 */
class Slices extends JobServer {
  words = 0;
  bytes = 0;
  offset = 0;

  /** @param {string} file @param {number} slice in bytes */
  constructor(file, slice) {
    super();
    this.file = resolve(file);
    this.slice = slice;
    this.length = statSync(this.file).size;
  }

  /** @override */
  initData() {
    return this.file;
  }

  /** @override */
  nextData() {
    const { offset } = this;
    const size = Math.min(this.slice, this.length - offset);
    if (size === 0) return undefined;
    this.offset += size;
    return { offset, size };
  }

  /** @override @param {string} _node @param {{ words: number, bytes: number }} result */
  processResult(_node, { words, bytes }) {
    this.words += words;
    this.bytes += bytes;
  }

  /** @override */
  isDone() {
    return this.bytes === this.length;
  }
}

/** Counts words in slices, on a thread of a node. */
class Counter {
  /** @param {string} file */
  async init(file) {
    this.handle = await open(file);
    this.buffer = Buffer.alloc(4 * 1024 * 1024);
  }

  /** @param {{ offset: number, size: number }} slice */
  async process({ offset, size }) {
    const { handle, buffer } = /** @type {{ handle: import("node:fs/promises").FileHandle, buffer: Buffer }} */ (this);
    const end = offset + size;
    let words = 0;
    // A word counts where it begins: whether it goes on from the slice before, the byte in front tells.
    let at = Math.max(0, offset - 1);
    let inside = false;
    while (at < end) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) break;
      for (let i = 0; i < bytesRead; i++) {
        const letter = buffer[i] > 32;
        if (letter && !inside && at + i >= offset) words++;
        inside = letter;
      }
      at += bytesRead;
    }
    return { words, bytes: size };
  }
}

/**
 * A file that is mostly holes, with words at some places, also across the ends of slices.
 * @param {string} file
 * @param {number} size in bytes
 */
function makeSample(file, size) {
  mkdirSync(dirname(resolve(file)), { recursive: true });
  const handle = openSync(file, "w");
  ftruncateSync(handle, size);
  for (let at = MIB - 3; at + 12 < size; at += MIB) writeSync(handle, "hello world ", at);
  closeSync(handle);
}

/** @type {Slices | undefined} */
let slices;

await main(
  (values) => {
    const { file, sample, slice } = /** @type {Record<string, string>} */ (values);
    if (sample !== undefined) makeSample(file, wholeNumber("sample", sample) * MIB);
    slices = new Slices(file, wholeNumber("slice", slice) * MIB);
    return slices;
  },
  Counter,
  {
    flags: {
      file: { type: "string", default: fileURLToPath(new URL("../../artifacts/words.txt", import.meta.url)) },
      sample: { type: "string" },
      slice: { type: "string", default: "64" },
    },
  },
);

if (slices?.isDone()) console.log(`${slices.words} words in ${slices.length} bytes of ${slices.file}`);
