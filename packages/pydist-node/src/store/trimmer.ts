import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ShippingError } from "@pydist/protocol";
import { parseManifest } from "@pydist/shipping/runtime";
import type { FilePool } from "./file-pool.js";
import { eachLimited } from "./limited.js";
import type { CacheFolders } from "./tree-store.js";
import type { Users } from "./users.js";

/** After this time, in milliseconds, what nobody finished or names is taken to be left behind. */
const LEFT_BEHIND = 60 * 60 * 1000;
/** So many files are looked at at a time. */
const AT_ONCE = 32;

interface Tree {
  readonly hash: string;
  readonly lastUse: number;
  readonly files: ReadonlySet<string>;
}

/** Keeps a cache within its bound: trees that were used longest ago go first, those in use never. */
export class Trimmer {
  readonly #folders: CacheFolders;
  readonly #files: FilePool;
  readonly #users: Users;
  readonly #bytes: number;
  /** Undefined until it was counted. */
  #size: number | undefined;
  #going: Promise<void> = Promise.resolve();

  constructor(folders: CacheFolders, files: FilePool, users: Users, bytes: number) {
    this.#folders = folders;
    this.#files = files;
    this.#users = users;
    this.#bytes = bytes;
  }

  /** So many bytes were added. */
  grown(bytes: number): Promise<void> {
    if (this.#size !== undefined) this.#size += bytes;
    // A failure leaves the cache larger than it should be; the next one that comes tries again.
    this.#going = this.#going.then(() => this.#trim()).catch(() => {});
    return this.#going;
  }

  rest(): Promise<void> {
    return this.#going;
  }

  async #trim(): Promise<void> {
    if (this.#size !== undefined && this.#size <= this.#bytes) return;
    const sizes = await this.#sizes();
    this.#size = [...sizes.values()].reduce((sum, { size }) => sum + size, 0);
    await this.#sweep();
    await this.#removeUnlisted();
    if (this.#size > this.#bytes) await this.#shrink(sizes);
  }

  async #shrink(sizes: ReadonlyMap<string, { readonly size: number; readonly since: number }>): Promise<void> {
    const trees = await this.#trees();
    const wanted = new Map<string, number>();
    for (const { files } of trees) for (const hash of files) wanted.set(hash, (wanted.get(hash) ?? 0) + 1);
    const drop = async (hash: string): Promise<void> => {
      await rm(this.#files.pathOf(hash), { force: true });
      this.#size = (this.#size ?? 0) - (sizes.get(hash)?.size ?? 0);
    };
    for (const [hash, { since }] of sizes) {
      // Newer ones may belong to a tree whose list is being written.
      if (!wanted.has(hash) && Date.now() - since > LEFT_BEHIND) await drop(hash);
    }
    const used = await this.#users.inUse();
    for (const tree of trees.sort((a, b) => a.lastUse - b.lastUse)) {
      if ((this.#size ?? 0) <= this.#bytes) return;
      if (used.has(tree.hash)) continue;
      await this.#remove(tree.hash);
      for (const hash of tree.files) {
        const left = (wanted.get(hash) ?? 1) - 1;
        wanted.set(hash, left);
        if (left === 0) await drop(hash);
      }
    }
  }

  /** First out of sight, whole, and then for good. */
  async #remove(hash: string): Promise<void> {
    await rm(join(this.#folders.manifests, `${hash}.json`), { force: true });
    for (const name of await readdir(this.#folders.trees)) {
      if (!name.startsWith(hash)) continue;
      const old = join(this.#folders.temporary, randomUUID());
      await rename(join(this.#folders.trees, name), old);
      await rm(old, { recursive: true, force: true });
    }
  }

  async #trees(): Promise<Tree[]> {
    const trees: Tree[] = [];
    for (const name of await readdir(this.#folders.manifests)) {
      const path = join(this.#folders.manifests, name);
      try {
        const { mtimeMs: lastUse } = await stat(path);
        const { hash, files } = parseManifest(await readFile(path, "utf8"));
        trees.push({ hash, lastUse, files: new Set(files.map((file) => file.sha256)) });
      } catch (error) {
        // A damaged one is no use to anybody. One that was removed is gone, and one that cannot be read now may be later.
        if (error instanceof ShippingError) await rm(path, { force: true });
      }
    }
    return trees;
  }

  async #sizes(): Promise<Map<string, { size: number; since: number }>> {
    const sizes = new Map<string, { size: number; since: number }>();
    for (const folder of await readdir(this.#folders.files)) {
      await eachLimited(await readdir(join(this.#folders.files, folder)), AT_ONCE, async (hash) => {
        const stats = await stat(this.#files.pathOf(hash)).catch(() => undefined);
        if (stats !== undefined) sizes.set(hash, { size: stats.size, since: stats.ctimeMs });
      });
    }
    return sizes;
  }

  /** Trees without a list, as of a process that was killed while it removed one: nothing else would ever find them. */
  async #removeUnlisted(): Promise<void> {
    const listed = new Set(await readdir(this.#folders.manifests));
    const used = await this.#users.inUse();
    for (const name of await readdir(this.#folders.trees)) {
      const [hash = ""] = name.split("-");
      if (listed.has(`${hash}.json`) || used.has(hash)) continue;
      const stats = await stat(join(this.#folders.trees, name)).catch(() => undefined);
      if (stats !== undefined && Date.now() - stats.ctimeMs > LEFT_BEHIND) await this.#remove(hash);
    }
  }

  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#folders.temporary)) {
      const path = join(this.#folders.temporary, name);
      const stats = await stat(path).catch(() => undefined);
      if (stats !== undefined && Date.now() - stats.ctimeMs > LEFT_BEHIND)
        await rm(path, { recursive: true, force: true });
    }
  }
}
