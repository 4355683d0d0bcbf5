import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import { parseJson } from "../code.js";
import { hashOfFile, isSameFile } from "../file-version.js";
import { Lru } from "../lru.js";
import { findPackage, type InstalledPackage } from "./find-package.js";
import type { LocalTree, Place } from "./local-tree.js";
import { moduleTree } from "./module-tree.js";
import { isOwnPackage, isPackageRef, type PackageRef } from "./package-ref.js";
import { packageTree } from "./package-tree.js";
import { moduleKey, parseModuleKey } from "./tree-key.js";

/*
 * What this process has shipped names of, or a task of its own has, and so gives when a node asks for it. Only that: a key
 * is no way to read any file that somebody names.
 */

/** By the key of a package that was named: the folder from which it was found. */
const packageSources = new Lru<string, string>(10_000);
/** Folders that packages were found from, to look for those that tasks on nodes have named. */
const folders = new Lru<string, true>(100);
/** Hashes of code that tasks have submitted. */
const heard = new Lru<string, true>(1000);
/** Keys of modules that tasks refer to. */
const modules = new Lru<string, true>(10_000);
/** Most files in all of them: a program may well name hundreds of packages, and nodes ask for all of them at once. */
const MOST_FILES_PROVIDED = 500_000;
/** Trees by their hash; of one that was forgotten, tasks have to be submitted again. */
const trees = new Lru<string, LocalTree>(MOST_FILES_PROVIDED, ({ places }) => places.size + 1);
/** The tree of which a file was asked for last: the next one is likely to be of the same. */
let recent: LocalTree | undefined;
/** Why files, by their hash, and trees with them are not given any more. */
const reasons = new Lru<string, ShippingError>(1000);
/** By key: the trees that were asked for. */
const made = new Lru<string, Promise<LocalTree>>(1000);

/**
 * The package that an import of this name finds from a file, to be named in code; it is given to nodes that lack it.
 * Undefined for one that is not installed there, and for pydist's own, which every node has.
 */
export function packageKey(name: string, fromFile: string): PackageRef | undefined {
  if (isOwnPackage(name)) return undefined;
  const from = dirname(fromFile);
  const found = findPackage(name, from);
  if (found === undefined) return undefined;
  packageSources.set(found.key, from);
  folders.set(from, true);
  return { name: found.name, version: found.version, key: found.key };
}

/** A module that code refers to: it is given to nodes that lack it. */
export function rememberModule(url: string, hash: string): void {
  modules.set(moduleKey(url, hash), true);
}

/**
 * Code of a task that a task has submitted, on a node: it may name packages that this process has, but has not named
 * itself.
 */
export function rememberNamed(hash: string, text: string): void {
  if (heard.get(hash) === true) return;
  heard.set(hash, true);
  const { packages } = Object(parseJson(text)) as { readonly packages?: unknown };
  for (const ref of Array.isArray(packages) ? packages : []) {
    if (!isPackageRef(ref) || packageSources.get(ref.key) !== undefined) continue;
    const places = [...folders.keys(), process.cwd()];
    const from = places.find((folder) => findPackage(ref.name, folder)?.key === ref.key);
    if (from !== undefined) packageSources.set(ref.key, from);
  }
}

/** A tree that code names. */
export function rememberTree(tree: LocalTree): void {
  if (trees.get(tree.hash) === tree) return;
  trees.set(tree.hash, tree);
  reasons.delete(tree.hash);
  for (const { key, from } of tree.sources) packageSources.set(key, from);
}

/**
 * The tree of a key that this process has shipped: a package, a module, or the hash of a tree. Undefined for others.
 * @throws ShippingError (the promise rejects) for one that cannot travel or was changed
 */
export async function provideTree(key: string): Promise<LocalTree | undefined> {
  const kept = trees.get(key);
  if (kept !== undefined) return kept;
  const lost = reasons.get(key);
  if (lost !== undefined) throw lost;
  const before = made.get(key);
  if (before !== undefined) {
    const tree = await before;
    // Its files are asked for next.
    trees.set(tree.hash, tree);
    return tree;
  }
  const module = parseModuleKey(key);
  if (module !== undefined) return modules.get(key) === undefined ? undefined : keep(key, makeModule(module));
  const found = installed(key);
  if (found !== undefined) return keep(key, packageTree(found));
  const from = packageSources.get(key);
  if (from === undefined) return undefined;
  const label = key.slice(0, key.lastIndexOf(":"));
  const remedy = "Submit the task again.";
  throw new ShippingError(
    `package ${label} was removed or changed in ${from} after the task was submitted. ${remedy}`,
    {
      path: from,
      remedy,
    },
  );
}

/** Where a package lies in this process's own installation: from which folder to resolve it. */
export function localFolder(key: string): string | undefined {
  return installed(key) === undefined ? undefined : packageSources.get(key);
}

/**
 * Bytes of a file of a provided tree; undefined if no such file was provided.
 * @throws ShippingError if the file is not what it was when its tree was named
 */
export async function readProvided(hash: string, at: number, length: number): Promise<Uint8Array | undefined> {
  const place = placeOf(hash);
  if (place === undefined) {
    const lost = reasons.get(hash);
    if (lost !== undefined) throw lost;
    return undefined;
  }
  try {
    await checkUnchanged(place);
    const handle = await open(place.file);
    try {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await handle.read(bytes, 0, length, at);
      if (bytesRead === length) return bytes;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw forgetPlace(place, changed(place, error));
  }
  throw forgetPlace(place, changed(place, undefined));
}

function keep(key: string, making: Promise<LocalTree>): Promise<LocalTree> {
  made.set(key, making);
  making.then(
    (tree) => trees.set(tree.hash, tree),
    () => made.delete(key),
  );
  return making;
}

async function makeModule({ url, hash }: { readonly url: string; readonly hash: string }): Promise<LocalTree> {
  const tree = await moduleTree(url, hash);
  for (const { sha256: of, file } of tree.places.values()) {
    // A task of one of these modules may refer to another of them.
    rememberModule(pathToFileURL(file).href, of);
  }
  for (const { key, from } of tree.sources) packageSources.set(key, from);
  return tree;
}

function installed(key: string): InstalledPackage | undefined {
  const from = packageSources.get(key);
  const found = from === undefined ? undefined : findPackage(key.slice(0, key.lastIndexOf("@")), from);
  return found?.key === key ? found : undefined;
}

function placeOf(hash: string): Place | undefined {
  const near = recent !== undefined && trees.get(recent.hash) === recent ? recent.places.get(hash) : undefined;
  if (near !== undefined) return near;
  recent = trees.values().find(({ places }) => places.has(hash));
  return recent?.places.get(hash);
}

/** Whoever asks for a package or module with this file again gets it as it is then. */
function forgetPlace(place: Place, reason: ShippingError): ShippingError {
  reasons.set(place.sha256, reason);
  for (const [key, tree] of trees.entries()) {
    if (tree.places.get(place.sha256) !== place) continue;
    trees.delete(key);
    reasons.set(key, reason);
  }
  made.clear();
  return reason;
}

/** What a file looked like when it was last seen to be unchanged. */
const verified = new WeakMap<Place, Stats>();
/** Files that are being looked at: many nodes may ask for the same one at the same time. */
const checking = new WeakMap<Place, Promise<void>>();

async function checkUnchanged(place: Place): Promise<void> {
  const stats = await stat(place.file);
  const before = verified.get(place) ?? (place.settled ? place.stats : undefined);
  if (before !== undefined && isSameFile(before, stats)) return;
  const going = checking.get(place) ?? readAgain(place, stats).finally(() => checking.delete(place));
  checking.set(place, going);
  await going;
}

async function readAgain(place: Place, stats: Stats): Promise<void> {
  if ((await hashOfFile(place.file)) !== place.sha256) throw changed(place, undefined);
  verified.set(place, stats);
}

function changed({ file }: Place, cause: unknown): ShippingError {
  if (cause instanceof ShippingError) return cause;
  const remedy = "Submit the task again, and leave files alone until their tasks have begun.";
  return new ShippingError(`${file} was changed or removed after the task that needs it was submitted. ${remedy}`, {
    path: file,
    remedy,
    ...(cause === undefined ? {} : { cause }),
  });
}
