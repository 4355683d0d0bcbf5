import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import { type CodeRoot, parseJson } from "../code.js";
import { readableVersion } from "../file-version.js";
import { Lru } from "../lru.js";
import { noteCopy } from "./copies.js";
import { findPackage } from "./find-package.js";
import { localPath, modulePath } from "./module-path.js";
import { isPackageRef, type PackageRef } from "./package-ref.js";
import { isTreeHash, moduleKey } from "./tree-key.js";

/** What came of asking for a tree: where it lies on this machine, or why it could not be had. */
export type FoundTree =
  | {
      readonly directory: string;
      /** Packages that its modules name and that could not be had, and why. */
      readonly lacks?: Readonly<Record<string, string>>;
    }
  | { readonly why: string };

/** By the key of a package or module, or the hash of a tree. */
export type FoundTrees = Readonly<Record<string, FoundTree>>;

type Directory = Extract<FoundTree, { readonly directory: string }>;

/** Trees that this thread was told of. */
const directories = new Lru<string, Directory>(1000);
const reasons = new Lru<string, string>(1000);
/** Packages that code of this thread has named, by their names. */
const named = new Lru<string, PackageRef>(1000);

/** Remembers where trees are. */
export function learnTrees(trees: FoundTrees): void {
  for (const [key, found] of Object.entries(trees)) {
    if ("directory" in found) {
      directories.set(key, found);
      reasons.delete(key);
    } else reasons.set(key, found.why);
  }
}

/**
 * Keys of the trees that a code needs to run here and that are not here. `asked` are those that were asked for: nothing
 * comes of asking again.
 */
export function treesNeeded(text: string, asked: FoundTrees = {}): string[] {
  const code = Object(parseJson(text)) as Record<string, unknown>;
  if (code.kind === "initializer") return typeof code.code === "string" ? treesNeeded(code.code, asked) : [];
  const needed = new Set<string>();
  if (Array.isArray(code.packages)) {
    for (const ref of code.packages) {
      if (!isPackageRef(ref)) continue;
      named.set(ref.name, ref);
      if (!isInstalled(ref) && !isHere(ref.key)) needed.add(ref.key);
    }
  }
  const root = code.root as Partial<CodeRoot> | undefined;
  if (typeof root?.tree === "string" && isTreeHash(root.tree)) {
    if (!isHere(root.tree)) needed.add(root.tree);
  } else if (code.kind === "reference" && typeof code.url === "string" && typeof code.sha256 === "string") {
    const key = moduleKey(code.url, code.sha256);
    if (!isHere(key) && versionAt(code.url) !== code.sha256) needed.add(key);
  }
  return [...needed].filter((key) => !Object.hasOwn(asked, key));
}

/**
 * The directory from which a package that code names is resolved: the node's working directory where that has the same
 * version, else the tree that was brought.
 * @param node how messages call this place
 * @throws ShippingError if neither is there
 */
export function rootOf(ref: PackageRef, node: string): string {
  if (isInstalled(ref)) return process.cwd();
  const brought = directoryOf(ref.key);
  if (brought !== undefined) return brought;
  const label = `${ref.name}@${ref.version}`;
  const own = findPackage(ref.name, process.cwd());
  const instead = own === undefined ? "" : `, which has ${own.version} there`;
  const remedy = `Install ${label} on the node, in or above ${process.cwd()}.`;
  throw new ShippingError(
    `Package ${label} is not installed on ${node} in or above ${process.cwd()}${instead}, and could not be brought there: ${whyNot(ref.key)} ${remedy}`,
    { path: label, remedy },
  );
}

/** A code directory at its sender and on this machine. */
export interface CodeRootMapping {
  /** Folder at the sender, as a `file:` URL with a slash at its end. */
  readonly from: string;
  /** The same here. */
  readonly to: string;
}

/**
 * Where the files of a code directory lie here; undefined for code without one.
 * @throws ShippingError if it could not be brought
 */
export function codeRoot(root: CodeRoot | undefined, node: string): CodeRootMapping | undefined {
  if (root === undefined) return undefined;
  const { from, tree } = root;
  const here = directoryOf(tree);
  if (here === undefined) {
    const path = localPath(from) ?? from;
    const remedy = "Submit the task again.";
    throw new ShippingError(
      `The code directory ${path} (${tree.slice(0, 12)}) could not be brought to ${node}: ${whyNot(tree)} ${remedy}`,
      { path, remedy },
    );
  }
  const to = folderUrl(here);
  noteCopy(to, { from, root });
  return { from, to };
}

/** Why a package is missing for the modules of a tree, if that was the reason. */
export function whyMissing(tree: string, message: string): string | undefined {
  const name = /Cannot find (?:package|module) '((?:@[^/']+\/)?[^/']+)/.exec(message)?.[1];
  const lacks = directories.get(tree)?.lacks;
  return name === undefined || lacks === undefined || !Object.hasOwn(lacks, name) ? undefined : lacks[name];
}

/** Where a brought module lies here. */
export function broughtModule(url: string, sha256: string): string | undefined {
  const found = directories.get(moduleKey(url, sha256));
  if (found === undefined) return undefined;
  const path = join(found.directory, modulePath(url));
  if (!existsSync(path)) return undefined;
  const from = /^file:\/\/\/(?:[A-Za-z]:\/)?/.exec(url)?.[0] ?? "file:///";
  noteCopy(folderUrl(join(found.directory, modulePath(from))), { from });
  return path;
}

/** As modules know themselves: by the real place. */
function folderUrl(folder: string): string {
  return pathToFileURL(join(realpathSync(folder), "/")).href;
}

export function whyNotBrought(url: string, sha256: string): string | undefined {
  return reasons.get(moduleKey(url, sha256));
}

/** The package of that name which code of this thread was sent with. */
export function namedPackage(name: string): PackageRef | undefined {
  return named.get(name);
}

/** `require` as a file in that directory has it. */
export function requireFrom(directory: string): NodeJS.Require {
  return createRequire(join(directory, "task.cjs"));
}

function isInstalled(ref: PackageRef): boolean {
  return findPackage(ref.name, process.cwd())?.version === ref.version;
}

/** Where a tree lies, if it still does. */
function directoryOf(key: string): string | undefined {
  const directory = directories.get(key)?.directory;
  return directory !== undefined && existsSync(directory) ? directory : undefined;
}

function isHere(key: string): boolean {
  return directoryOf(key) !== undefined;
}

/** Why a tree is not here, as a sentence. */
function whyNot(key: string): string {
  const why = reasons.get(key) ?? "nobody was asked for it";
  return /[.!?]$/.test(why) ? why : `${why}.`;
}

function versionAt(url: string): string | undefined {
  const path = localPath(url);
  return path === undefined ? undefined : readableVersion(path);
}
