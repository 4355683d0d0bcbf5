import { posix } from "node:path";
import { ShippingError } from "@pydist/protocol";
import { parseJson, sha256 } from "../code.js";
import { isPackageRef, type PackageRef } from "./package-ref.js";

/** A file of a tree. */
export interface TreeFile {
  /** Relative to the tree, with "/" between the names. */
  readonly path: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** A symbolic link of a tree. */
export interface TreeLink {
  readonly path: string;
  /** Relative to where the link lies, and inside the tree. */
  readonly target: string;
}

/** What a tree of files consists of. Its text is canonical, and the SHA-256 of the text names the tree. */
export interface Manifest {
  readonly files: readonly TreeFile[];
  readonly links: readonly TreeLink[];
  /** Packages that its modules import and that do not lie in it. */
  readonly packages: readonly PackageRef[];
}

/** A manifest with its text and name. */
export interface NamedManifest extends Manifest {
  /** SHA-256 of the text, in hex. */
  readonly hash: string;
  readonly text: string;
}

/** What one tree may hold. */
export const MOST_FILES = 100_000;
export const MOST_BYTES = 1024 ** 3;

/** The manifest of these entries, in any order. */
export function makeManifest({ files, links, packages }: Manifest): NamedManifest {
  const manifest: Manifest = {
    files: [...files].sort(byPath).map(({ path, sha256: hash, size }) => ({ path, sha256: hash, size })),
    links: [...links].sort(byPath).map(({ path, target }) => ({ path, target })),
    packages: [...packages]
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ name, version, key }) => ({ name, version, key })),
  };
  const text = JSON.stringify(manifest);
  return { ...manifest, hash: sha256(text), text };
}

/**
 * The manifest that a text stands for. Whoever writes its files follows its paths, so each is looked at.
 * @throws ShippingError saying what is wrong with it
 */
export function parseManifest(text: string): NamedManifest {
  const value = parseJson(text) as Partial<Manifest> | undefined;
  if (!Array.isArray(value?.files) || !Array.isArray(value.links) || !Array.isArray(value.packages)) {
    throw broken("it is none");
  }
  const { files, links, packages } = value as Manifest;
  if (files.length + links.length > MOST_FILES) throw broken(`it has more than ${MOST_FILES} files`);
  if (!files.every(isFile) || !links.every(isLink) || !packages.every(isPackageRef)) {
    throw broken("an entry is malformed");
  }
  let bytes = 0;
  for (const { size } of files) bytes += size;
  if (bytes > MOST_BYTES) throw broken(`it has ${bytes} bytes; ${MOST_BYTES} can travel`);
  checkPlaces(files, links);
  return { files, links, packages, hash: sha256(text), text };
}

/** Whether a path means the same inside the tree everywhere, and nothing outside. */
export function isInnerPath(path: string): boolean {
  if (path === "" || path.length > 4096 || /[\\\0]/.test(path) || posix.isAbsolute(path)) return false;
  return path.split("/").every((name) => name !== "" && name !== "." && name !== "..");
}

/**
 * Whether a link leads to inside the tree. Its target goes up first and then down: a way back up from another link would
 * begin wherever that link leads.
 */
export function isInnerTarget(path: string, target: string): boolean {
  if (target === "" || target.endsWith("/") || /[\\\0]/.test(target) || posix.isAbsolute(target)) return false;
  if (posix.normalize(target) !== target) return false;
  const led = posix.join(posix.dirname(path), target);
  return led !== ".." && !led.startsWith("../");
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}

function isFile(value: unknown): boolean {
  const { path, sha256: hash, size } = Object(value) as Partial<Record<keyof TreeFile, unknown>>;
  if (typeof path !== "string" || typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash)) return false;
  return isInnerPath(path) && Number.isSafeInteger(size) && (size as number) >= 0;
}

function isLink(value: unknown): boolean {
  const { path, target } = Object(value) as Partial<Record<keyof TreeLink, unknown>>;
  return typeof path === "string" && typeof target === "string" && isInnerPath(path) && isInnerTarget(path, target);
}

/** No two entries in one place, and none inside a file or behind a link. */
function checkPlaces(files: readonly TreeFile[], links: readonly TreeLink[]): void {
  const taken = new Set<string>();
  for (const { path } of [...files, ...links]) {
    if (taken.has(path)) throw broken(`${path} is in it twice`);
    taken.add(path);
  }
  const folders = new Set<string>();
  for (const path of taken) {
    for (let folder = posix.dirname(path); folder !== "." && !folders.has(folder); folder = posix.dirname(folder)) {
      if (taken.has(folder)) throw broken(`${path} lies below ${folder}, which is no folder`);
      folders.add(folder);
    }
  }
}

function broken(what: string): ShippingError {
  const remedy = "Run the same version of pydist at the executor and on every node.";
  return new ShippingError(`The list of a tree's files cannot be used: ${what}. ${remedy}`, { remedy });
}
