// The work of this example: words in a slice of a file, read where the task runs.
import { closeSync, openSync, readSync } from "node:fs";

/**
 * How many words begin in a slice of a file. A word that began before the slice is counted there.
 * @param {string} path
 * @param {number} from first byte
 * @param {number} size in bytes
 */
export function wordsIn(path, from, size) {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.allocUnsafe(Math.min(size, 1024 * 1024));
    let words = 0;
    let inside = from > 0 && readSync(file, bytes, 0, 1, from - 1) === 1 && isWord(bytes[0]);
    for (let at = from; at < from + size; ) {
      const read = readSync(file, bytes, 0, Math.min(bytes.length, from + size - at), at);
      if (read === 0) break;
      for (let i = 0; i < read; i++) {
        const letter = isWord(bytes[i]);
        if (letter && !inside) words++;
        inside = letter;
      }
      at += read;
    }
    return words;
  } finally {
    closeSync(file);
  }
}

/** @param {number} byte anything but white space and the zeros of a hole */
function isWord(byte) {
  return byte > 32;
}
