import { type Dirent, existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { ShippingError } from "@pydist/protocol";
import { type FileVersion, renewed } from "../file-version.js";
import { Lru } from "../lru.js";
import { importsOf } from "./imports.js";
import { type LocalTree, TreeBuilder } from "./local-tree.js";
import { isInnerPath, MOST_BYTES, MOST_FILES } from "./manifest.js";
import { packageOf } from "./package-ref.js";

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
  readonly #tree = new TreeBuilder();

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
    return this.#tree.build();
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
    if (!this.#tree.takes(stats.size)) throw this.#tooMuch(file);
    const known = this.#before.get(path);
    const version = renewed(known, file, stats);
    this.versions.set(path, version);
    this.#tree.addFile(path, file, version);
    for (const name of packagesIn(file, version)) this.#tree.addPackage(name, dirname(file));
  }

  #addLink(full: string, path: string, entry: Dirent): void {
    if (entry.name === "node_modules") return;
    const target = readlinkSync(full);
    const led = resolve(dirname(full), target);
    const inner = relative(this.#root, led);
    if (inner === "" || (!inner.startsWith("..") && !isAbsolute(inner))) {
      this.#tree.addLinkTo(path, full, led);
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
