import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UsageError } from "./exit-codes.js";
import type { Subcommand, SubcommandGroup } from "./subcommand.js";

/** A subcommand of a package that builds on this one, and so is no dependency of it. */
export interface Elsewhere {
  /** Its module `PACKAGE/subcommand` exports the subcommand, or the group of them, under its name. */
  readonly package: string;
  /** For the list of commands, which shows it whether or not the package is installed. */
  readonly summary: string;
}

/**
 * Loads the subcommand from where its package is installed: beside this one, beside the command as it was called (what a
 * link leads to may be elsewhere), or for the folder in which it is called.
 * @throws UsageError if it is not installed there
 */
export async function loadElsewhere(name: string, { package: from }: Elsewhere): Promise<Subcommand | SubcommandGroup> {
  const here = dirname(fileURLToPath(import.meta.url));
  const paths = [here, dirname(process.argv[1] ?? here), process.cwd()];
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(`${from}/subcommand`, { paths });
  } catch {
    throw new UsageError(
      `pydist-node ${name} is in the package ${from}, which is not installed here. ` +
        `Install it: npm install ${from} (with --global if pydist-node is).`,
    );
  }
  const loaded = (await import(pathToFileURL(path).href)) as Readonly<
    Record<string, Subcommand | SubcommandGroup | undefined>
  >;
  const found = loaded[name];
  if (found !== undefined) return found;
  throw new UsageError(`${path} has no command ${name}. Install one release of pydist-node and ${from}.`);
}
