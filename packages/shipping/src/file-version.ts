import { createHash } from "node:crypto";
import { readFileSync, type Stats, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { sha256 } from "./code.js";
import { Lru } from "./lru.js";

/** A file's content, as it was when it was last read. */
export interface FileVersion {
  readonly sha256: string;
  readonly stats: Stats;
  /** Whether the file was old enough when it was read that a later write must show in its times. */
  readonly settled: boolean;
}

// File systems stamp times in steps of some milliseconds: a second write within one step leaves the times as they are.
const timestampStep = 50;

/** To read and hash so many bytes takes a millisecond or two. */
const READ_AT_ONCE = 1024 * 1024;

const versions = new Lru<string, FileVersion>(1000);

/**
 * SHA-256 of a file's content as it is now; undefined where there is no such file. The file is read again only when its
 * size or times say that it may have changed.
 */
export function fileVersion(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) return undefined;
  const version = renewed(versions.get(path), path, stats);
  versions.set(path, version);
  return version.sha256;
}

/** The same; a file that may not be read is none. */
export function readableVersion(path: string): string | undefined {
  try {
    return fileVersion(path);
  } catch {
    return undefined;
  }
}

/** The version of a file that has these stats now: the known one, unless it may have changed since. */
export function renewed(known: FileVersion | undefined, path: string, stats: Stats): FileVersion {
  if (known?.settled && isSameFile(known.stats, stats)) return known;
  const settled = isSettled(stats);
  return { sha256: sha256(readFileSync(path)), stats, settled };
}

/** The version of a file that has these stats now. The program goes on while a large one is read. */
export async function readVersion(path: string, stats: Stats): Promise<FileVersion> {
  if (stats.size <= READ_AT_ONCE) return renewed(undefined, path, stats);
  const settled = isSettled(stats);
  return { sha256: await hashOfFile(path), stats, settled };
}

/** SHA-256 of a file's content, read in portions. */
export async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const bytes = Buffer.allocUnsafe(READ_AT_ONCE);
  const handle = await open(path);
  try {
    for (;;) {
      const { bytesRead } = await handle.read(bytes, 0, bytes.length);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(bytes.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

/** Asked before the file is read: a write in the meantime must show, too. */
function isSettled({ mtimeMs, ctimeMs }: Stats): boolean {
  return Date.now() - Math.max(mtimeMs, ctimeMs) > timestampStep;
}

/** Whether a file has the same size, times and place on the disk as before. */
export function isSameFile(a: Stats, b: Stats): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.ino === b.ino && a.dev === b.dev;
}
