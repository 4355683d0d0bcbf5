import { pathToFileURL } from "node:url";
import { findBeside } from "../beside.js";
import { forUsers, UsageError } from "./exit-codes.js";
import type { Subcommand, SubcommandGroup } from "./subcommand.js";

/** A subcommand of a package that builds on this one, and so is no dependency of it. */
export interface Elsewhere {
  /** Its module `PACKAGE/subcommand` exports the subcommand, or the group of them, under its name. */
  readonly package: string;
  /** For the list of commands, which shows it whether or not the package is installed. */
  readonly summary: string;
}

/** Loads the subcommand from its package. @throws UsageError if that is not installed */
export async function loadElsewhere(name: string, { package: from }: Elsewhere): Promise<Subcommand | SubcommandGroup> {
  const path = forUsers(() => findBeside(from, "/subcommand", `pydist-node ${name} is in`));
  const loaded = (await import(pathToFileURL(path).href)) as Readonly<
    Record<string, Subcommand | SubcommandGroup | undefined>
  >;
  const found = loaded[name];
  if (found !== undefined) return found;
  throw new UsageError(`${path} has no command ${name}. Install one release of pydist-node and ${from}.`);
}
