import { dirname, posix, relative, sep } from "node:path";
import type { FileVersion } from "../file-version.js";
import { findPackage } from "./find-package.js";
import {
  isInnerPath,
  isInnerTarget,
  MOST_BYTES,
  MOST_FILES,
  makeManifest,
  type NamedManifest,
  type TreeFile,
  type TreeLink,
} from "./manifest.js";
import { isOwnPackage, ownPackage, type PackageRef } from "./package-ref.js";

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

/** Gathers what a tree consists of. */
export class TreeBuilder {
  readonly #files: TreeFile[] = [];
  readonly #links: TreeLink[] = [];
  readonly #places = new Map<string, Place>();
  readonly #packages = new Map<string, PackageRef>();
  readonly #sources: PackageSource[] = [];
  #bytes = 0;

  /** Whether one more file, of so many bytes, can travel; it is counted from then on. */
  takes(size: number): boolean {
    this.#bytes += size;
    return this.#files.length < MOST_FILES && this.#bytes <= MOST_BYTES;
  }

  addFile(path: string, file: string, version: FileVersion): void {
    this.#files.push({ path, sha256: version.sha256, size: version.stats.size });
    this.#places.set(version.sha256, { ...version, file });
  }

  addLink(path: string, target: string): void {
    this.#links.push({ path, target });
  }

  /** A link that lies here and leads to `led`, if that means the same inside the tree. */
  addLinkTo(path: string, link: string, led: string): void {
    const target = posix.normalize(relative(dirname(link), led).split(sep).join("/"));
    if (isInnerPath(path) && isInnerTarget(path, target)) this.addLink(path, target);
  }

  /** A package that a module of this folder imports. One that is not here may be where the tasks run. */
  addPackage(name: string, from: string): void {
    if (this.#packages.has(name)) return;
    if (isOwnPackage(name)) {
      this.#packages.set(name, ownPackage(name));
      return;
    }
    const found = findPackage(name, from);
    if (found === undefined) return;
    this.#packages.set(name, found);
    this.#sources.push({ key: found.key, from });
  }

  build(): LocalTree {
    const packages = [...this.#packages.values()];
    const manifest = makeManifest({ files: this.#files, links: this.#links, packages });
    return { ...manifest, places: this.#places, sources: this.#sources };
  }
}
