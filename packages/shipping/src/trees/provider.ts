import { dirname } from "node:path";
import { findPackage } from "./find-package.js";
import { isOwnPackage, type PackageRef } from "./package-ref.js";

export function packageKey(name: string, fromFile: string): PackageRef | undefined {
  if (isOwnPackage(name)) return undefined;
  const found = findPackage(name, dirname(fromFile));
  return found && { name: found.name, version: found.version, key: found.key };
}
