import { isBuiltin } from "node:module";

/** A package that code imports, as it is installed where the code was written. */
export interface PackageRef {
  readonly name: string;
  readonly version: string;
  /** `name@version:` and the first 16 hex digits of the SHA-256 of its package.json. */
  readonly key: string;
}

export function isPackageRef(value: unknown): value is PackageRef {
  const { name, version, key } = Object(value) as Partial<Record<keyof PackageRef, unknown>>;
  if (typeof name !== "string" || !isPackageName(name) || typeof version !== "string") return false;
  return (
    key === (isOwnPackage(name) ? name : undefined) || (isPackageKey(key) && key.startsWith(`${name}@${version}:`))
  );
}

/** The key of a package, and of no other tree. */
export function isPackageKey(key: unknown): key is string {
  return typeof key === "string" && /^[^:]+@[\w.+-]+:[0-9a-f]{16}$/.test(key);
}

/** The package that a specifier names: `@scope/name/deep/file.js` is of `@scope/name`. Undefined if it names none. */
export function packageOf(specifier: string): string | undefined {
  if (isBuiltin(specifier)) return undefined;
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  return isPackageName(name) ? name : undefined;
}

// A name becomes the name of a folder.
function isPackageName(name: string): boolean {
  return /^(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/.test(name) && name !== "node_modules";
}

/** How code names one of pydist's own packages: whichever version the node has. */
export function ownPackage(name: string): PackageRef {
  return { name, version: "", key: name };
}

const OF_A_NODE = [
  "pydist",
  "pydist-node",
  ...["protocol", "scheduler", "shipping", "futures"].map((room) => `@pydist/${room}`),
];

/** Packages of pydist itself: a node has its own. */
export function isOwnPackage(name: string): boolean {
  return OF_A_NODE.includes(name);
}

/**
 * Packages of pydist that stand above it: a node has none of them, and with all that they depend on they could not be
 * brought there. What they send travels as the program's own functions do.
 */
export function isAbovePydist(name: string): boolean {
  return name.startsWith("@pydist/") && !isOwnPackage(name);
}
