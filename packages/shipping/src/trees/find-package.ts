import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { sha256 } from "../code.js";
import { fileVersion } from "../file-version.js";
import { Lru } from "../lru.js";
import type { PackageRef } from "./package-ref.js";

/** A package where it is installed. */
export interface InstalledPackage extends PackageRef {
  /** Its real folder. */
  readonly directory: string;
}

/** What of a package.json matters here. */
export interface PackageJson {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly dependencies?: unknown;
  readonly optionalDependencies?: unknown;
  readonly peerDependencies?: unknown;
  readonly gypfile?: unknown;
  readonly os?: unknown;
  readonly cpu?: unknown;
}

const known = new Lru<string, { readonly version: string; readonly found: InstalledPackage }>(1000);

/**
 * The package that an import of its name finds from a folder: as Node looks for it, whether or not the package says which
 * of its files may be imported. Undefined if it is not installed there.
 */
export function findPackage(name: string, fromDirectory: string): InstalledPackage | undefined {
  for (let folder = realFolder(fromDirectory); ; folder = dirname(folder)) {
    if (basename(folder) !== "node_modules") {
      const candidate = join(folder, "node_modules", name);
      if (statSync(candidate, { throwIfNoEntry: false })?.isDirectory()) return readPackage(name, candidate);
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** The folder's real place, from which Node looks on; of one that is not there, its own name. */
function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

function readPackage(name: string, candidate: string): InstalledPackage {
  const directory = realpathSync(candidate);
  const file = join(directory, "package.json");
  // Read again only if it may have changed.
  const version = existsSync(file) ? (fileVersion(file) ?? "") : "";
  const at = `${name} ${directory}`;
  const before = known.get(at);
  if (before?.version === version) return before.found;
  const { version: declared } = readPackageJson(directory);
  // A folder without a package.json can be imported, too.
  const told = typeof declared === "string" && /^[\w.+-]{1,100}$/.test(declared) ? declared : "0.0.0";
  const digest = version === "" ? sha256(directory) : version;
  const found = { name, version: told, key: `${name}@${told}:${digest.slice(0, 16)}`, directory };
  known.set(at, { version, found });
  return found;
}

/** Empty where there is none, or it cannot be read. */
export function readPackageJson(directory: string): PackageJson {
  try {
    const value: unknown = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
