import { type FilePart, type Frame, ShippingError } from "@pydist/protocol";
import {
  type FoundTree,
  type FoundTrees,
  findPackage,
  isOwnPackage,
  isTreeHash,
  type NamedManifest,
  type PackageRef,
  parseManifest,
  type TreeFile,
} from "@pydist/shipping/runtime";
import { type LocalTree, localFolder, provideTree, readProvided } from "@pydist/shipping/trees";
import type { Logger } from "../logger.js";
import { type CacheOptions, DEFAULT_CACHE_SIZE, defaultCacheFolder } from "../store/cache-folder.js";
import { eachLimited } from "../store/limited.js";
import { TreeStore } from "../store/tree-store.js";
import { FileFetcher } from "./file-fetcher.js";
import { malformed, PORTION_BYTES } from "./frame-schema.js";
import type { DownPeer, Peers, UpPeer } from "./peer.js";

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const MOST_KEYS = 10_000;

/** A tree, and who has its files. */
interface Sourced {
  readonly manifest: NamedManifest;
  /** Undefined unless this process has shipped it itself. */
  readonly local: LocalTree | undefined;
  readonly sources: readonly number[];
}

/** A tree that is being asked for. */
interface Search {
  readonly asked: Set<number>;
  readonly reasons: Set<string>;
  readonly resolve: (found: Sourced) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Trees of files travel by need, as code does: a node that lacks one asks those above, keeps what comes, and gives it to
 * those below. What this process has shipped itself it reads from where it lies.
 */
export class TreeExchange {
  readonly #peers: Peers;
  readonly #logger: Logger;
  readonly #store: TreeStore;
  readonly #fetcher: FileFetcher;
  readonly #searches = new Map<string, Search>();
  readonly #found = new Map<string, Promise<Sourced>>();
  /** Which tree a key turned out to be. */
  readonly #known = new Map<string, string>();
  readonly #obtaining = new Map<string, Promise<FoundTree>>();
  /** What each child asked for is answered in order. */
  readonly #answers = new WeakMap<DownPeer, Promise<void>>();

  constructor(peers: Peers, logger: Logger, { cacheDir, cacheSize = DEFAULT_CACHE_SIZE }: CacheOptions) {
    this.#peers = peers;
    this.#logger = logger;
    this.#store = new TreeStore(cacheDir ?? defaultCacheFolder(process.env), cacheSize * 1024 * 1024);
    this.#fetcher = new FileFetcher(peers, this.#store);
  }

  /** Where these trees lie on this machine, or why they cannot be had. */
  async find(keys: readonly string[]): Promise<FoundTrees> {
    return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await this.#obtain(key)] as const)));
  }

  /** Copies a tree that this process ships, as it is now: its files may be edited before their tasks are over. */
  async keep(key: string): Promise<void> {
    try {
      const found = await this.#find(key);
      await this.#store.hold(found.manifest);
      await this.#complete(found);
    } catch (error) {
      this.#logger.warn({ error }, "A code directory could not be copied; edits of it may hit tasks that wait");
    }
  }

  #obtain(key: string): Promise<FoundTree> {
    const going = this.#obtaining.get(key);
    if (going !== undefined) return going;
    const obtaining = this.#layOut(key)
      .catch((error: unknown): FoundTree => ({ why: reasonOf(error) }))
      .finally(() => this.#obtaining.delete(key));
    this.#obtaining.set(key, obtaining);
    return obtaining;
  }

  async #layOut(key: string): Promise<FoundTree> {
    // This very program's own installation will do.
    const folder = localFolder(key);
    if (folder !== undefined) return { directory: folder };
    const found = await this.#find(key);
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
  async #complete({ manifest, local, sources }: Sourced): Promise<void> {
    const missing = await this.#store.missing(manifest.files);
    if (missing.length === 0) return;
    if (local === undefined) await this.#store.guarded(() => this.#fetcher.fetch(missing, sources));
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
        const bytes = await readProvided(hash, at, Math.min(PORTION_BYTES, size - at)).catch(async (error: unknown) => {
          await incoming.discard();
          throw error;
        });
        if (bytes === undefined) break;
        await incoming.append(bytes);
      }
      await incoming.finish();
    });
  }

  // ---- what a tree consists of

  #find(key: string): Promise<Sourced> {
    const going = this.#found.get(key);
    if (going !== undefined) return going;
    const finding = this.#look(key).finally(() => this.#found.delete(key));
    this.#found.set(key, finding);
    return finding;
  }

  async #look(key: string): Promise<Sourced> {
    const local = await provideTree(key);
    if (local !== undefined) return { manifest: local, local, sources: [] };
    const hash = isTreeHash(key) ? key : this.#known.get(key);
    const manifest = hash === undefined ? undefined : await this.#store.manifest(hash);
    if (manifest !== undefined) return { manifest, local, sources: this.#above() };
    const found = await new Promise<Sourced>((resolve, reject) => {
      const search: Search = { asked: new Set(this.#above()), reasons: new Set(), resolve, reject };
      this.#searches.set(key, search);
      // All at once: one that is busy holds up nobody who shipped the same.
      for (const upstream of search.asked) {
        const peer = this.#peers.up.get(upstream);
        if (peer !== undefined) this.#peers.send(peer, { t: "needTree", key });
      }
      this.#checkOver(key, search);
    });
    this.#known.set(key, found.manifest.hash);
    if (this.#known.size > MOST_KEYS) this.#known.delete(this.#known.keys().next().value as string);
    return found;
  }

  /** The newest first: a link that was made again is above an older one. */
  #above(): number[] {
    return [...this.#peers.up.values()]
      .filter(({ info }) => info.role !== "client")
      .map(({ key }) => key)
      .reverse();
  }

  #checkOver(key: string, { asked, reasons, reject }: Search): void {
    if (asked.size > 0) return;
    this.#searches.delete(key);
    const known = [...reasons].filter((reason) => reason !== UNKNOWN);
    reject(new ShippingError(known.length > 0 ? known.join("; ") : UNKNOWN));
  }

  // ---- from above

  /** @throws SerializationError for what cannot be */
  fromAbove(peer: UpPeer, frame: Frame, payload: Uint8Array): void {
    switch (frame.t) {
      case "tree":
        return this.#tree(peer, frame.key, payload);
      case "noTree":
        return this.#noTree(peer, frame.key, frame.why);
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

  #tree(peer: UpPeer, key: string, payload: Uint8Array): void {
    const search = this.#searches.get(key);
    if (search === undefined) return;
    let manifest: NamedManifest;
    try {
      manifest = parseManifest(decoder.decode(payload));
    } catch (error) {
      throw malformed(`"tree": ${(error as Error).message}`);
    }
    if (isTreeHash(key) && manifest.hash !== key) throw malformed('"tree": its list has another hash');
    this.#searches.delete(key);
    const others = this.#above().filter((upstream) => upstream !== peer.key);
    search.resolve({ manifest, local: undefined, sources: [peer.key, ...others] });
  }

  #noTree(peer: UpPeer, key: string, why: string): void {
    const search = this.#searches.get(key);
    if (search === undefined || !search.asked.delete(peer.key)) return;
    search.reasons.add(why);
    this.#checkOver(key, search);
  }

  upstreamLost(upstream: number): void {
    this.#fetcher.upstreamLost(upstream);
    for (const [key, search] of this.#searches) {
      if (!search.asked.delete(upstream)) continue;
      search.reasons.add("the link to whoever sent the task was lost");
      this.#checkOver(key, search);
    }
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
        const { manifest, local } = await this.#find(key);
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
    const given: FilePart[] = [];
    const contents: Uint8Array[] = [];
    const refused = new Set<string>();
    const why = await this.#bringNear(parts);
    for (const part of parts) {
      try {
        contents.push(await this.#read(part));
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
    const above = this.#above();
    if (above.length === 0) return undefined;
    try {
      const wanted = parts.map(({ hash, size }) => ({ path: hash, sha256: hash, size }));
      const missing = await this.#store.missing(wanted);
      if (missing.length === 0) return undefined;
      await this.#store.guarded(() => this.#fetcher.fetch(missing, above));
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
    await this.#store.close();
  }
}

const UNKNOWN = "nobody above has shipped it";

/** What went wrong; what to do about it is said where all of it is known. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  const remedy = error instanceof ShippingError ? error.remedy : undefined;
  return (remedy === undefined ? message : message.replace(remedy, "")).trim().replace(/\.$/, "");
}
