import { type FilePart, type Frame, ShippingError } from "@pydist/protocol";
import {
  type FoundTree,
  type FoundTrees,
  findPackage,
  isOwnPackage,
  isPackageKey,
  type NamedManifest,
  type PackageRef,
  type TreeFile,
} from "@pydist/shipping/runtime";
import { localFolder, readProvided } from "@pydist/shipping/trees";
import type { Logger } from "../logger.js";
import { type CacheOptions, DEFAULT_CACHE_SIZE, defaultCacheFolder } from "../store/cache-folder.js";
import { eachLimited } from "../store/limited.js";
import { TreeStore } from "../store/tree-store.js";
import { Absence } from "./absence.js";
import { FileFetcher } from "./file-fetcher.js";
import { malformed, PORTION_BYTES } from "./frame-schema.js";
import type { DownPeer, Peers, UpPeer } from "./peer.js";
import { SHUTTING_DOWN, type Sourced, TreeSearch, UNKNOWN } from "./tree-search.js";

const encoder = new TextEncoder();
/** A package comes with all that it depends on. */
const NOT_WHOLE = "the list of its files names other packages, which should be among them";

/**
 * Trees of files travel by need, as code does: a node that lacks one asks those above, keeps what comes, and gives it to
 * those below. What this process has shipped itself it reads from where it lies.
 */
export class TreeExchange {
  readonly #peers: Peers;
  readonly #logger: Logger;
  readonly #store: TreeStore;
  readonly #search: TreeSearch;
  readonly #fetcher: FileFetcher;
  readonly #obtaining = new Map<string, Promise<FoundTree>>();
  readonly #keeping = new Set<Promise<void>>();
  #state: "open" | "closed" = "open";
  readonly #absence = new Absence();
  /** What each child asked for is answered in order. */
  readonly #answers = new WeakMap<DownPeer, Promise<void>>();

  constructor(peers: Peers, logger: Logger, { cacheDir, cacheSize = DEFAULT_CACHE_SIZE }: CacheOptions) {
    this.#peers = peers;
    this.#logger = logger;
    this.#store = new TreeStore(cacheDir ?? defaultCacheFolder(process.env), cacheSize * 1024 * 1024);
    this.#search = new TreeSearch(peers, this.#store);
    this.#fetcher = new FileFetcher(peers, this.#store);
  }

  dump() {
    return { laidOut: this.#obtaining.size, asked: this.#search.dump(), fetched: this.#fetcher.dump() };
  }

  /** Where these trees lie on this machine, or why they cannot be had. */
  async find(keys: readonly string[]): Promise<FoundTrees> {
    return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await this.#obtain(key)] as const)));
  }

  /** Copies a tree that this process ships, as it is now: its files may be edited before their tasks are over. */
  async keep(key: string): Promise<void> {
    const keeping = this.#keep(key);
    this.#keeping.add(keeping);
    await keeping;
    this.#keeping.delete(keeping);
  }

  async #keep(key: string): Promise<void> {
    try {
      const found = await this.#search.find(key);
      await this.#store.hold(found.manifest);
      await this.#complete(found);
    } catch (error) {
      if (this.#state === "closed") return;
      this.#logger.warn(
        { cause: reasonOf(error) },
        "A code directory could not be copied; edits of it may hit tasks that wait",
      );
    }
  }

  #obtain(key: string): Promise<FoundTree> {
    const going = this.#obtaining.get(key);
    if (going !== undefined) {
      this.#search.widen(key);
      return going;
    }
    const obtaining = this.#absence
      .outlast(() => this.#layOut(key))
      .catch((error: unknown): FoundTree => ({ why: reasonOf(error) }))
      .finally(() => this.#obtaining.delete(key));
    this.#obtaining.set(key, obtaining);
    return obtaining;
  }

  async #layOut(key: string): Promise<FoundTree> {
    // This very program's own installation will do.
    const folder = localFolder(key);
    if (folder !== undefined) return { directory: folder };
    const found = await this.#search.find(key);
    // So no tree waits for one that waits for it: circles are inside of trees.
    if (isPackageKey(key) && found.manifest.packages.length > 0) throw new ShippingError(NOT_WHOLE);
    await this.#store.hold(found.manifest);
    const { modules, lacks } = await this.#modulesOf(found.manifest);
    for (let attempt = 1; ; attempt++) {
      await this.#complete(found);
      try {
        return { directory: await this.#store.lay(found.manifest, modules), lacks };
      } catch (error) {
        // Another process may have made room at this moment.
        if (attempt === 2) throw error;
      }
    }
  }

  /** Where the packages are that a tree's modules import: the node's own, if of the same version. */
  async #modulesOf({
    packages,
  }: NamedManifest): Promise<{ modules: Record<string, string>; lacks: Record<string, string> }> {
    const modules: Record<string, string> = {};
    const lacks: Record<string, string> = {};
    const look = async ({ name, version, key }: PackageRef): Promise<void> => {
      if (isOwnPackage(name)) {
        // Of whatever version this node is.
        const ours = findPackage(name, process.cwd()) ?? findPackage(name, import.meta.dirname);
        if (ours !== undefined) modules[name] = ours.directory;
        else lacks[name] = `package ${name} is not installed in or above ${process.cwd()}`;
        return;
      }
      const own = findPackage(name, process.cwd());
      if (own?.version === version) {
        modules[name] = own.directory;
        return;
      }
      const brought = await this.#obtain(key);
      const found = "why" in brought ? undefined : findPackage(name, brought.directory);
      if (found !== undefined) modules[name] = found.directory;
      else {
        const why = "why" in brought ? brought.why : "its tree lacks it";
        lacks[name] = `package ${name}@${version} is not installed in or above ${process.cwd()}, and ${why}`;
      }
    };
    await Promise.all(packages.map(look));
    return { modules, lacks };
  }

  /** Brings the files of a tree that are not here. */
  async #complete({ manifest, local, from }: Sourced): Promise<void> {
    const missing = await this.#store.missing(manifest.files);
    if (missing.length === 0) return;
    if (local === undefined) await this.#store.guarded(() => this.#fetcher.fetch(missing, from));
    else await eachLimited(missing, 8, (file) => this.#copy(file));
    const bytes = missing.reduce((sum, { size }) => sum + size, 0);
    const tree = manifest.hash.slice(0, 12);
    this.#logger.info({ tree, files: missing.length, bytes, of: manifest.files.length }, "Files of a tree arrived");
    void this.#store.grown(bytes);
  }

  async #copy({ sha256: hash, size }: TreeFile): Promise<void> {
    await this.#store.guarded(async () => {
      const incoming = await this.#store.files.receive(hash);
      for (let at = 0; at < size; at += PORTION_BYTES) {
        const length = Math.min(PORTION_BYTES, size - at);
        const bytes = await this.#readOwn(hash, at, length).catch(async (error: unknown) => {
          await incoming.discard();
          throw error;
        });
        if (bytes === undefined) break;
        await incoming.append(bytes);
      }
      await incoming.finish();
    });
  }

  async #readOwn(hash: string, at: number, length: number): Promise<Uint8Array | undefined> {
    if (this.#state === "closed") throw new ShippingError(SHUTTING_DOWN);
    return readProvided(hash, at, length);
  }

  // ---- from above

  /** @throws SerializationError for what cannot be */
  fromAbove(peer: UpPeer, frame: Frame, payload: Uint8Array): void {
    switch (frame.t) {
      case "tree":
        return this.#search.arrived(peer, frame.key, payload);
      case "noTree":
        return this.#search.refused(peer, frame.key, frame.why);
      case "files":
        if (frame.parts.reduce((sum, { length }) => sum + length, 0) !== payload.length) {
          throw malformed('"files": the parts are not as long as they say');
        }
        void this.#fetcher.arrived(peer.key, frame.parts, payload);
        return;
      case "noFile":
        return this.#fetcher.missing(peer.key, frame.hash, frame.why);
    }
  }

  /** A parent is there, or another one. */
  parentJoined(): void {
    this.#absence.end();
  }

  /** @param patience milliseconds to wait for another one, if it was the parent */
  upstreamLost(upstream: number, patience = 0): void {
    if (patience > 0) this.#absence.begin(patience);
    this.#fetcher.upstreamLost(upstream);
    this.#search.upstreamLost(upstream);
  }

  // ---- from below

  fromBelow(peer: DownPeer, frame: Frame): void {
    if (frame.t === "needTree") this.#giveTree(peer, frame.key);
    else if (frame.t === "needFiles") {
      const before = this.#answers.get(peer) ?? Promise.resolve();
      this.#answers.set(
        peer,
        before.then(() => this.#giveFiles(peer, frame.parts)),
      );
    }
  }

  #giveTree(peer: DownPeer, key: string): void {
    const answer = async (): Promise<void> => {
      try {
        const { manifest, local } = await this.#absence.outlast(() => this.#search.find(key));
        // What is passed on is kept, for the next one who asks.
        if (local === undefined) await this.#store.hold(manifest);
        this.#peers.send(peer, { t: "tree", key }, encoder.encode(manifest.text));
      } catch (error) {
        this.#peers.send(peer, { t: "noTree", key, why: reasonOf(error) });
      }
    };
    void answer();
  }

  async #giveFiles(peer: DownPeer, parts: readonly FilePart[]): Promise<void> {
    // Many may ask at once, and some be slow: of what waits for each of them, one portion is in memory.
    await peer.link.drained();
    if (peer.link.state !== "open") return;
    const given: FilePart[] = [];
    const contents: Uint8Array[] = [];
    const refused = new Set<string>();
    const own = new Map<FilePart, Uint8Array>();
    for (const part of parts) {
      // One that was edited since is told of when it is read in earnest.
      const bytes = await readProvided(part.hash, part.at, part.length).catch(() => undefined);
      if (bytes !== undefined) own.set(part, bytes);
    }
    const why = await this.#bringNear(parts.filter((part) => !own.has(part)));
    for (const part of parts) {
      try {
        contents.push(own.get(part) ?? (await this.#read(part)));
        given.push(part);
      } catch (error) {
        if (!refused.has(part.hash))
          this.#peers.send(peer, { t: "noFile", hash: part.hash, why: why ?? reasonOf(error) });
        refused.add(part.hash);
      }
    }
    this.#peers.send(peer, { t: "files", parts: given }, Buffer.concat(contents));
  }

  /** What this process neither ships nor keeps comes from above. @returns why something could not be had */
  async #bringNear(parts: readonly FilePart[]): Promise<string | undefined> {
    if (parts.length === 0) return undefined;
    try {
      const wanted = parts.map(({ hash, size }) => ({ path: hash, sha256: hash, size }));
      const missing = await this.#store.missing(wanted);
      if (missing.length === 0) return undefined;
      await this.#absence.outlast(() => this.#store.guarded(() => this.#fetcher.fetch(missing)));
      const bytes = missing.reduce((sum, { size }) => sum + size, 0);
      this.#logger.info({ files: missing.length, bytes }, "Files for a node below arrived");
      void this.#store.grown(bytes);
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }

  async #read({ hash, at, length }: FilePart): Promise<Uint8Array> {
    let why: unknown = new ShippingError(UNKNOWN);
    try {
      const provided = await readProvided(hash, at, length);
      if (provided !== undefined) return provided;
    } catch (error) {
      // Edited since, but there may be a copy.
      why = error;
    }
    try {
      return await this.#store.files.read(hash, at, length);
    } catch {
      throw why;
    }
  }

  async close(): Promise<void> {
    this.#state = "closed";
    this.#search.close();
    this.#absence.end();
    await this.#fetcher.close();
    await Promise.all([...this.#obtaining.values(), ...this.#keeping]);
    await this.#store.close();
  }
}

/** What went wrong; what to do about it is said where all of it is known. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  const remedy = error instanceof ShippingError ? error.remedy : undefined;
  return (remedy === undefined ? message : message.replace(remedy, "")).trim().replace(/\.$/, "");
}
