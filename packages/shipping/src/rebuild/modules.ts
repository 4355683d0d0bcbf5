import { createRequire, isBuiltin } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import type { FunctionsCode, ModuleRef, PackageRef } from "../code.js";
import { importFrom } from "../import-on-node.js";
import { findPackage } from "../trees/find-package.js";

/**
 * Imports what a code names. A package is looked for where the node has it.
 * @throws ShippingError (the promise rejects) naming the module and the node
 */
export async function loadModules({ modules, packages }: FunctionsCode, node: string): Promise<unknown[]> {
  const owners = new Map(packages.map((owner) => [owner.key, owner]));
  return Promise.all(modules.map((module) => loadModule(module, owners.get(module.package ?? ""), node)));
}

async function loadModule(module: ModuleRef, owner: PackageRef | undefined, node: string): Promise<unknown> {
  const root = rootOf(owner);
  try {
    if (module.file === undefined || owner === undefined) {
      return module.how === "require"
        ? requireFrom(root)(module.specifier)
        : await importFrom(root, module.specifier, undefined);
    }
    const found = findPackage(owner.name, root);
    const file = join(found?.directory ?? join(root, "node_modules", owner.name), module.file);
    return module.how === "require"
      ? requireFrom(root)(file)
      : await importFrom(root, pathToFileURL(file).href, undefined);
  } catch (cause) {
    const what = owner === undefined ? module.specifier : `${module.specifier} of ${owner.name}@${owner.version}`;
    const remedy = owner === undefined ? "Run a version of Node on the nodes that has it." : "Install it on the nodes.";
    throw new ShippingError(
      `A task uses ${what}, which could not be imported on ${node}: ${messageOf(cause)}. ${remedy}`,
      { path: module.specifier, remedy, cause },
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
}

/** The folder from which a package is found here. */
export function rootOf(_owner: PackageRef | undefined): string {
  return process.cwd();
}

function requireFrom(directory: string): NodeJS.Require {
  return createRequire(join(directory, "task.cjs"));
}

/** `require` of a file of the submitter: Node's modules and packages. */
export function requireOf(url: string): NodeJS.Require {
  const home = fileURLToPath(url);
  const here = requireFrom(process.cwd());
  const require = (specifier: string): unknown => {
    if (isBuiltin(specifier)) return here(specifier);
    return /^\.\.?(?:\/|$)/.test(specifier) ? requireFrom(home)(specifier) : here(specifier);
  };
  return Object.assign(require, here) as NodeJS.Require;
}
