import { pathToFileURL } from "node:url";
import { findBeside } from "../beside.js";
import { messageOf } from "../logger.js";
import { type Check, warn } from "./doctor-check.js";
import { EXIT } from "./exit-codes.js";
import type { Settings } from "./settings.js";

/** What a package beside this one exports, if it has something to look at on this machine. */
export type Examine = (
  settings: Pick<Settings, "cluster" | "connectTimeout">,
) => Promise<readonly Pick<Check, "name" | "status" | "message">[]>;

/** Packages that take part in how nodes find each other. */
const PACKAGES = ["@pydist/discovery"];

/** What packages find that are installed beside this one; nothing of those that are not. */
export async function checkBeside(settings: Parameters<Examine>[0], packages = PACKAGES): Promise<Check[]> {
  const found = await Promise.all(packages.map((name) => examine(name, settings)));
  return found.flat();
}

async function examine(name: string, settings: Parameters<Examine>[0]): Promise<Check[]> {
  const path = findBeside(name);
  if (path === undefined) return [];
  try {
    const { examine } = (await import(pathToFileURL(path).href)) as { readonly examine?: Examine };
    const checks = (await examine?.(settings)) ?? [];
    return checks.map((check) => ({ ...check, exitCode: check.status === "fail" ? EXIT.failure : EXIT.ok }));
  } catch (error) {
    return [warn(name, `it cannot be used: ${messageOf(error)}. Install one release of pydist-node and ${name}.`)];
  }
}
