import { type Dirent, existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import { ShippingError } from "@pydist/protocol";
import { type FileVersion, renewed } from "../file-version.js";
import { Lru } from "../lru.js";
import { findPackage } from "./find-package.js";
import { importsOf } from "./imports.js";
import { isInnerPath, isInnerTarget, MOST_BYTES, MOST_FILES, makeManifest, type NamedManifest } from "./manifest.js";
import { isOwnPackage, ownPackage, type PackageRef, packageOf } from "./package-ref.js";

/** A tree and where its files lie here. */
export interface LocalTree extends NamedManifest {
  /** By the SHA-256 of their content. */
  readonly places: ReadonlyMap<string, Place>;
  /** From which folders its `packages` were found. */
  readonly sources: readonly PackageSource[];
}

/** A package's key, and a folder from which an import finds it. */
export interface PackageSource {
  readonly key: string;
  readonly from: string;
}

/** Where a file of a tree lies, and what it looked like when it was read. */
export interface Place extends FileVersion {
  readonly file: string;
}

interface Scan {
  /** Valid until the event loop turns. */
  state: "fresh" | "stale";
  readonly versions: ReadonlyMap<string, FileVersion>;
  readonly tree: LocalTree;
}

const scans = new Lru<string, Scan>(16);

/**
 * The present content of a directory: all files but those in `node_modules` and in folders whose names begin with a dot.
 * Only files that may have changed are read again, and within one turn of the event loop nothing is looked at twice.
 * @throws ShippingError if it is no directory, holds more than can travel, or has a link to a folder outside
 */
export function scanDirectory(directory: string): LocalTree {
  const before = scans.get(directory);
  if (before?.state === "fresh") return before.tree;
  const scanner = new Scanner(directory, before?.versions ?? new Map());
  const scan: Scan = { state: "fresh", tree: scanner.scan(), versions: scanner.versions };
  scans.set(directory, scan);
  setImmediate(() => {
    scan.state = "stale";
  }).unref();
  return scan.tree;
}

class Scanner {
  readonly versions = new Map<string, FileVersion>();
  readonly #root: string;
  readonly #before: ReadonlyMap<string, FileVersion>;
  readonly #files: { path: string; sha256: string; size: number }[] = [];
  readonly #links: { path: string; target: string }[] = [];
  readonly #places = new Map<string, Place>();
  readonly #packages = new Map<string, PackageRef>();
  readonly #sources: PackageSource[] = [];
  #bytes = 0;

  constructor(directory: string, before: ReadonlyMap<string, FileVersion>) {
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
      const remedy = "Name a folder that exists here, by an absolute path or a file: URL.";
      throw new ShippingError(`codeDir: ${directory} is no directory. ${remedy}`, { path: directory, remedy });
    }
    this.#root = realpathSync(directory);
    this.#before = before;
  }

  scan(): LocalTree {
    this.#scanFolder(this.#root, "");
    const packages = [...this.#packages.values()];
    const manifest = makeManifest({ files: this.#files, links: this.#links, packages });
    return { ...manifest, places: this.#places, sources: this.#sources };
  }

  #scanFolder(folder: string, inner: string): void {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = inner === "" ? entry.name : `${inner}/${entry.name}`;
      const full = join(folder, entry.name);
      if (entry.isSymbolicLink()) this.#addLink(full, path, entry);
      else if (entry.isDirectory()) {
        if (entry.name !== "node_modules" && !entry.name.startsWith(".")) this.#scanFolder(full, path);
      } else if (entry.isFile()) this.#addFile(full, path);
    }
  }

  #addFile(file: string, path: string): void {
    if (!isInnerPath(path))
      throw this.#refusal(`${file} has a name that other systems do not know`, "Rename it.", file);
    const stats = statSync(file, { throwIfNoEntry: false });
    // Gone since the folder was read.
    if (stats === undefined) return;
    this.#bytes += stats.size;
    if (this.#files.length >= MOST_FILES || this.#bytes > MOST_BYTES) throw this.#tooMuch(file);
    const known = this.#before.get(path);
    const version = renewed(known, file, stats);
    this.versions.set(path, version);
    this.#files.push({ path, sha256: version.sha256, size: stats.size });
    this.#places.set(version.sha256, { ...version, file });
    for (const name of packagesIn(file, version)) this.#addPackage(name, dirname(file));
  }

  #addPackage(name: string, from: string): void {
    if (this.#packages.has(name)) return;
    if (isOwnPackage(name)) {
      this.#packages.set(name, ownPackage(name));
      return;
    }
    const found = findPackage(name, from);
    // One that is not here may be where the tasks run.
    if (found === undefined) return;
    this.#packages.set(name, found);
    this.#sources.push({ key: found.key, from });
  }

  #addLink(full: string, path: string, entry: Dirent): void {
    if (entry.name === "node_modules") return;
    const target = readlinkSync(full);
    const led = resolve(dirname(full), target);
    const inner = relative(this.#root, led);
    if (inner === "" || (!inner.startsWith("..") && !isAbsolute(inner))) {
      const link = { path, target: posix.normalize(relative(dirname(full), led).split(sep).join("/") || ".") };
      if (isInnerPath(path) && isInnerTarget(path, link.target)) this.#links.push(link);
      return;
    }
    const stats = statSync(full, { throwIfNoEntry: false });
    if (stats?.isFile()) this.#addFile(full, path);
    else if (stats?.isDirectory()) {
      const remedy = "Copy the folder into the directory, or leave the link out.";
      throw this.#refusal(`${full} is a link to a folder outside, ${led}, which cannot travel`, remedy, full);
    }
  }

  #tooMuch(file: string): ShippingError {
    const what = `it holds more than ${MOST_FILES} files or ${MOST_BYTES / 1024 ** 3} GiB (counted up to ${file})`;
    const remedy =
      "Choose a smaller directory, or move data out of it: node_modules and folders whose names begin with a dot stay here.";
    return this.#refusal(what, remedy, file);
  }

  #refusal(reason: string, remedy: string, path: string): ShippingError {
    return new ShippingError(`codeDir ${this.#root} cannot travel: ${reason}. ${remedy}`, { path, remedy });
  }
}

const packageNames = new Lru<string, readonly string[]>(20_000);

/** Packages that a module's text names, by the SHA-256 of the text. */
function packagesIn(file: string, { sha256: hash, stats }: FileVersion): readonly string[] {
  if (!/\.[cm]?[jt]sx?$/.test(file) || stats.size > 8 * 1024 * 1024) return [];
  const before = packageNames.get(hash);
  if (before !== undefined) return before;
  if (!existsSync(file)) return [];
  const names = new Set<string>();
  for (const specifier of importsOf(readFileSync(file, "utf8"))) {
    const name = packageOf(specifier);
    if (name !== undefined) names.add(name);
  }
  packageNames.set(hash, [...names]);
  return [...names];
}
