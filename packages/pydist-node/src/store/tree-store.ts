import { randomUUID } from "node:crypto";
import { copyFile, link, mkdir, readFile, readlink, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ShippingError } from "@pydist/protocol";
import { type NamedManifest, parseManifest, sha256, type TreeFile } from "@pydist/shipping/runtime";
import { checkOwn } from "./cache-folder.js";
import { FilePool, isSealed, seal } from "./file-pool.js";
import { eachLimited } from "./limited.js";
import { Trimmer } from "./trimmer.js";
import { Users } from "./users.js";

/** So many files are looked at or made at a time. */
const AT_ONCE = 32;

/** Where packages are, by their names, for links to them. */
export type Modules = Readonly<Record<string, string>>;

/** The folders of a cache. */
export interface CacheFolders {
  readonly files: string;
  readonly manifests: string;
  readonly trees: string;
  readonly used: string;
  readonly temporary: string;
}

/**
 * Trees of files on this machine's disk, shared by all processes that name the same folder. Files are in a pool, by their
 * content; a tree is a folder of hard links to them, so a new version of it costs only what changed.
 */
export class TreeStore {
  readonly files: FilePool;
  readonly #folder: string;
  readonly #folders: CacheFolders;
  readonly #users: Users;
  readonly #trimmer: Trimmer;
  /** Trees that are being laid out, by name. */
  readonly #laid = new Map<string, Promise<string>>();
  #state: "unused" | "used" = "unused";

  /** @param bytes how large the folder may grow */
  constructor(folder: string, bytes: number) {
    this.#folder = resolve(folder);
    // A later version of this layout has a folder of its own.
    const inside = (name: string): string => join(this.#folder, "v1", name);
    this.#folders = {
      files: inside("files"),
      manifests: inside("manifests"),
      trees: inside("trees"),
      used: inside("used"),
      temporary: inside("tmp"),
    };
    this.files = new FilePool(this.#folders.files, this.#folders.temporary);
    this.#users = new Users(this.#folders.used, bytes);
    this.#trimmer = new Trimmer(this.#folders, this.files, this.#users, bytes);
  }

  /**
   * Makes the folders; again each time, because somebody may have emptied the cache.
   * @throws ShippingError if the folder cannot be used, or somebody else might put code into it
   */
  async open(): Promise<void> {
    this.#state = "used";
    await this.guarded(async () => {
      for (const folder of Object.values(this.#folders)) await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const folder of [this.#folder, dirname(this.#folders.files), ...Object.values(this.#folders)]) {
        await checkOwn(folder);
      }
    });
  }

  /** The manifest of a tree that was here before, or is. */
  async manifest(hash: string): Promise<NamedManifest | undefined> {
    await this.open();
    try {
      const manifest = parseManifest(await readFile(this.#manifestOf(hash), "utf8"));
      if (manifest.hash === hash) return manifest;
    } catch {
      // Not here, removed at this moment, or damaged.
    }
    return undefined;
  }

  /** From now on this process uses the tree: its files stay. */
  async hold(manifest: NamedManifest): Promise<void> {
    await this.open();
    await this.guarded(async () => {
      const bytes = manifest.files.reduce((sum, { size }) => sum + size, 0);
      await this.#users.hold(manifest.hash, bytes);
      const path = this.#manifestOf(manifest.hash);
      const now = new Date();
      try {
        await utimes(path, now, now);
        if ((await readFile(path, "utf8")) === manifest.text) return;
      } catch {
        // Not here yet.
      }
      const temporary = join(this.#folders.temporary, randomUUID());
      await writeFile(temporary, manifest.text, { mode: 0o600 });
      await rename(temporary, path);
    });
  }

  /** Of these files, those that are not here. */
  async missing(files: readonly TreeFile[]): Promise<TreeFile[]> {
    await this.open();
    const missing = new Map<string, TreeFile>();
    await eachLimited(new Map(files.map((file) => [file.sha256, file])).values(), AT_ONCE, async (file) => {
      if (!(await this.files.has(file.sha256, file.size))) missing.set(file.sha256, file);
    });
    // In the order of the tree.
    return files.filter((file) => missing.get(file.sha256) === file);
  }

  /**
   * The folder of a tree, made from files that are here. Beside it lies `node_modules` with links to these packages, where
   * its modules find them.
   */
  lay(manifest: NamedManifest, modules: Modules): Promise<string> {
    const links = Object.entries(modules).sort(([a], [b]) => (a < b ? -1 : 1));
    const name = links.length === 0 ? manifest.hash : `${manifest.hash}-${sha256(JSON.stringify(links)).slice(0, 16)}`;
    const before = this.#laid.get(name) ?? Promise.resolve("");
    // Looked at again each time: somebody may have emptied the cache.
    const laying = before.catch(() => "").then(() => this.guarded(() => this.#lay(name, manifest, links)));
    this.#laid.set(name, laying);
    const forget = (): void => {
      if (this.#laid.get(name) === laying) this.#laid.delete(name);
    };
    laying.then(forget, forget);
    return laying;
  }

  async #lay(name: string, manifest: NamedManifest, links: readonly (readonly [string, string])[]): Promise<string> {
    const place = join(this.#folders.trees, name);
    if (await isWhole(place, manifest, links)) return join(place, "root");
    const temporary = join(this.#folders.temporary, randomUUID());
    try {
      await this.#build(temporary, place, manifest, links);
      await this.#putInPlace(temporary, place, () => isWhole(place, manifest, links));
      return join(place, "root");
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async #putInPlace(temporary: string, place: string, isThere: () => Promise<boolean>): Promise<void> {
    for (;;) {
      try {
        return await rename(temporary, place);
      } catch (error) {
        // Another process was faster, or a damaged one lies there.
        if (await isThere()) return;
        const old = join(this.#folders.temporary, randomUUID());
        await rename(place, old).catch(() => {
          throw error;
        });
        await rm(old, { recursive: true, force: true });
      }
    }
  }

  async #build(
    temporary: string,
    place: string,
    manifest: NamedManifest,
    links: readonly (readonly [string, string])[],
  ): Promise<void> {
    const root = join(temporary, "root");
    const all = [...manifest.files, ...manifest.links];
    const modules = links.map(([name, target]) => ({ path: join(temporary, "node_modules", name), target }));
    const folders = new Set([root, ...all.map(({ path }) => dirname(join(root, path)))]);
    for (const { path } of modules) folders.add(dirname(path));
    for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 });
    await eachLimited(manifest.files, AT_ONCE, (file) => this.#placeFile(file, join(root, file.path)));
    for (const { path, target } of manifest.links) {
      await makeLink(target, join(root, path), join(place, "root", path));
    }
    for (const { path, target } of modules) await symlink(target, path, "junction");
  }

  async #placeFile({ sha256: hash }: TreeFile, path: string): Promise<void> {
    const source = this.files.pathOf(hash);
    try {
      await link(source, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw error;
      // A file system without hard links, or with no more to this file.
      await copyFile(source, path);
      await seal(path);
    }
  }

  /** Files have come: removes what was used longest ago, if the folder has grown too large. */
  grown(bytes: number): Promise<void> {
    return this.#trimmer.grown(bytes);
  }

  async close(): Promise<void> {
    if (this.#state === "unused") return;
    await this.#trimmer.rest();
    await this.#users.release().catch(() => {});
  }

  #manifestOf(hash: string): string {
    return join(this.#folders.manifests, `${hash}.json`);
  }

  /** @throws ShippingError naming the folder, for whatever the system refuses there */
  async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof ShippingError) throw cause;
      const { code, message } = cause as NodeJS.ErrnoException;
      const remedy = "Make room there, or name another folder with --cache-dir or the option cacheDir.";
      throw new ShippingError(`Files cannot be kept in the cache ${this.#folder} (${code ?? message}). ${remedy}`, {
        path: this.#folder,
        remedy,
        cause,
      });
    }
  }
}

/** Windows has links to folders for everybody, but only absolute ones. */
async function makeLink(target: string, path: string, finalPath: string): Promise<void> {
  if (process.platform === "win32") await symlink(resolve(dirname(finalPath), target), path, "junction");
  else await symlink(target, path);
}

async function isWhole(
  place: string,
  manifest: NamedManifest,
  links: readonly (readonly [string, string])[],
): Promise<boolean> {
  try {
    await eachLimited(manifest.files, AT_ONCE, async ({ path, size }) => {
      if (!(await isSealed(join(place, "root", path), size))) throw new Error(path);
    });
    for (const { path } of manifest.links) await readlink(join(place, "root", path));
    for (const [name] of links) await readlink(join(place, "node_modules", name));
    return true;
  } catch {
    return false;
  }
}
