import { existsSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { basename, dirname, join, posix, resolve, sep } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ShippingError } from "@pydist/protocol";
import { readVersion } from "../file-version.js";
import { findPackage, type InstalledPackage, type PackageJson, readPackageJson } from "./find-package.js";
import { type LocalTree, TreeBuilder } from "./local-tree.js";
import { isInnerPath, MOST_BYTES, MOST_FILES } from "./manifest.js";

/** A package of the closure, and where it stands in the tree. */
interface Member {
  readonly found: InstalledPackage;
  /** Folder in the tree that holds its `node_modules`. */
  readonly store: string;
  /** The packages through which it was reached, from the one that was asked for. */
  readonly path: readonly string[];
}

/**
 * A package with everything that it depends on, as it is installed here. Each package of it stands in a folder of its own
 * with links to those that it depends on beside it, as pnpm does it: so versions stand side by side, and circles close.
 *
 * What only people and compilers read is left out. `packages` of the tree is empty: it needs nothing else.
 * @throws ShippingError (the promise rejects) for one that has parts for one kind of machine only
 */
export async function packageTree(found: InstalledPackage): Promise<LocalTree> {
  const closure = new Closure();
  return closure.gather(found);
}

class Closure {
  readonly #members = new Map<string, Member>();
  readonly #stores = new Set<string>();
  readonly #tree = new TreeBuilder();

  async gather(root: InstalledPackage): Promise<LocalTree> {
    const first = this.#memberOf(root, []);
    this.#link(`node_modules/${root.name}`, first);
    // Also grows while it is gone through.
    for (const member of this.#members.values()) {
      await this.#take(member);
      // A large closure is some hundred megabytes to read; the program goes on meanwhile.
      await nextTurn();
    }
    return this.#tree.build();
  }

  #memberOf(found: InstalledPackage, path: readonly string[]): Member {
    const before = this.#members.get(found.directory);
    if (before !== undefined) return before;
    const plain = `${found.name.replace("/", "+")}@${found.version}`;
    let name = plain;
    for (let n = 2; this.#stores.has(name); n++) name = `${plain}-${n}`;
    this.#stores.add(name);
    const label = `${found.name}@${found.version}`;
    const member: Member = { found, store: `node_modules/.store/${name}`, path: [...path, label] };
    this.#members.set(found.directory, member);
    return member;
  }

  async #take(member: Member): Promise<void> {
    const { found, store, path } = member;
    const manifest = readPackageJson(found.directory);
    const native = nativeSign(manifest);
    if (native !== undefined) throw refuseNative(path, native);
    await this.#takeFolder(member, found.directory, `${store}/node_modules/${found.name}`);
    const { dependencies, optionalDependencies, peerDependencies } = manifest;
    for (const name of new Set([dependencies, optionalDependencies, peerDependencies].flatMap(namesOf))) {
      const dependency = findPackage(name, found.directory);
      // What is not installed here is not missed here either.
      if (dependency === undefined || dependency.directory === found.directory) continue;
      this.#link(`${store}/node_modules/${name}`, this.#memberOf(dependency, path));
    }
  }

  #link(path: string, { found, store }: Member): void {
    this.#tree.addLink(path, posix.relative(posix.dirname(path), `${store}/node_modules/${found.name}`));
  }

  async #takeFolder(member: Member, folder: string, inner: string): Promise<void> {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const file = join(folder, entry.name);
      const path = `${inner}/${entry.name}`;
      if (entry.isDirectory()) {
        if (entry.name !== "node_modules" && !entry.name.startsWith(".")) await this.#takeFolder(member, file, path);
      } else if (entry.isFile()) await this.#takeFile(member, file, path);
      else if (entry.isSymbolicLink()) this.#takeLink(member, file, path);
    }
  }

  async #takeFile({ path: reached }: Member, file: string, path: string): Promise<void> {
    const name = basename(file);
    if (name.endsWith(".node") || name === "binding.gyp") throw refuseNative(reached, name);
    if (isForPeople(name) || !isInnerPath(path)) return;
    const stats = statSync(file);
    if (!this.#tree.takes(stats.size)) throw refuseSize(reached);
    this.#tree.addFile(path, file, await readVersion(file, stats));
  }

  /** Links within the package stay links; others belong to whoever installed it. */
  #takeLink({ found }: Member, file: string, path: string): void {
    const led = resolve(dirname(file), readlinkSync(file));
    if (!led.startsWith(found.directory + sep) || basename(file) === "node_modules") return;
    if (existsSync(file)) this.#tree.addLinkTo(path, file, led);
  }
}

function namesOf(dependencies: unknown): string[] {
  return typeof dependencies === "object" && dependencies !== null ? Object.keys(dependencies) : [];
}

/** What only people and compilers read. typescript reads its own `lib.*.d.ts` when it runs. */
function isForPeople(name: string): boolean {
  if (/^licen[sc]e/i.test(name)) return false;
  return (
    /\.(?:md|map|markdown|flow|tsbuildinfo)$/.test(name) || (/\.d\.[cm]?ts$/.test(name) && !name.startsWith("lib."))
  );
}

/** What in its package.json tells that a package is not the same everywhere. */
function nativeSign({ gypfile, os, cpu }: PackageJson): string | undefined {
  if (gypfile === true) return '"gypfile" in its package.json';
  if (Array.isArray(os) && os.length > 0) return '"os" in its package.json';
  if (Array.isArray(cpu) && cpu.length > 0) return '"cpu" in its package.json';
  return undefined;
}

function refuseNative(path: readonly string[], sign: string): ShippingError {
  const label = path.at(-1);
  const through = path.length === 1 ? "" : ` (reached through ${path.slice(0, -1).join(" -> ")})`;
  const remedy = `Install ${path[0]} on the nodes, where they find it from their working directory.`;
  return new ShippingError(
    `Package ${label}${through} cannot be brought to a node: it has parts for one kind of machine only (${sign}). ${remedy}`,
    { path: label ?? "", remedy },
  );
}

function refuseSize(path: readonly string[]): ShippingError {
  const remedy = `Install ${path[0]} on the nodes, where they find it from their working directory.`;
  return new ShippingError(
    `Package ${path[0]} cannot be brought to a node: with what it depends on it has more than ${MOST_FILES} files or ` +
      `${MOST_BYTES / 1024 ** 3} GiB. ${remedy}`,
    { path: path[0] ?? "", remedy },
  );
}
