import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** So many trees a process holds on to in any case; of more, those that it asked for longest ago may be removed. */
const LEAST_HELD = 64;
/** After this time, in milliseconds, a process on another machine that shares the folder is taken to have ended. */
const LONGEST = 24 * 60 * 60 * 1000;

const here = hostname().replace(/[^\w-]/g, "_");
/** Several of a process may use the same folder, and one of them ends before another. */
let instances = 0;

/** Which processes use which trees: an empty file for each. */
export class Users {
  readonly #folder: string;
  readonly #room: number;
  /** Trees and their sizes. */
  readonly #held = new Map<string, number>();
  /** Bytes of all of them. */
  #bytes = 0;
  readonly #instance = ++instances;

  /** @param room bytes of trees that a process may hold on to, however many they are */
  constructor(folder: string, room: number) {
    this.#folder = folder;
    this.#room = room;
  }

  /** From now on this process uses the tree, which is of so many bytes. */
  async hold(tree: string, bytes: number): Promise<void> {
    // Written each time: somebody may have emptied the cache, and on another machine its age is what counts.
    await writeFile(this.#markOf(tree), "", { mode: 0o600 });
    this.#forget(tree);
    this.#held.set(tree, bytes);
    this.#bytes += bytes;
    for (const stalest of this.#held.keys()) {
      if (this.#bytes <= this.#room || this.#held.size <= LEAST_HELD) return;
      this.#forget(stalest);
      await rm(this.#markOf(stalest), { force: true });
    }
  }

  #forget(tree: string): void {
    this.#bytes -= this.#held.get(tree) ?? 0;
    this.#held.delete(tree);
  }

  /** The trees that are in use. Marks of processes that ended are removed. */
  async inUse(): Promise<Set<string>> {
    const used = new Set<string>();
    for (const name of await readdir(this.#folder)) {
      const [tree, host, pid] = name.split(".") as [string, string, string];
      const path = join(this.#folder, name);
      if (await isAlive(path, host, Number(pid))) used.add(tree);
      else await rm(path, { force: true });
    }
    return used;
  }

  /** This process uses nothing any more. */
  async release(): Promise<void> {
    for (const tree of this.#held.keys()) await rm(this.#markOf(tree), { force: true });
    this.#held.clear();
    this.#bytes = 0;
  }

  #markOf(tree: string): string {
    return join(this.#folder, `${tree}.${here}.${process.pid}.${this.#instance}`);
  }
}

async function isAlive(path: string, host: string, pid: number): Promise<boolean> {
  if (host !== here) {
    const stats = await stat(path).catch(() => undefined);
    return stats !== undefined && Date.now() - stats.mtimeMs < LONGEST;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // There, but another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
