import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** Most trees that a process holds on to; those it used longest ago may be removed. */
const MOST_HELD = 64;
/** After this time, in milliseconds, a process on another machine that shares the folder is taken to have ended. */
const LONGEST = 24 * 60 * 60 * 1000;

const here = hostname().replace(/[^\w-]/g, "_");
/** Several of a process may use the same folder, and one of them ends before another. */
let instances = 0;

/** Which processes use which trees: an empty file for each. */
export class Users {
  readonly #folder: string;
  readonly #held = new Set<string>();
  readonly #instance = ++instances;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** From now on this process uses the tree. */
  async hold(tree: string): Promise<void> {
    // Written each time: somebody may have emptied the cache, and on another machine its age is what counts.
    await writeFile(this.#markOf(tree), "", { mode: 0o600 });
    this.#held.delete(tree);
    this.#held.add(tree);
    if (this.#held.size <= MOST_HELD) return;
    const stalest = this.#held.values().next().value as string;
    this.#held.delete(stalest);
    await rm(this.#markOf(stalest), { force: true });
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
    for (const tree of this.#held) await rm(this.#markOf(tree), { force: true });
    this.#held.clear();
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
