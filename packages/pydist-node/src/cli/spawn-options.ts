import { Command, CommanderError } from "commander";
import { UsageError } from "./exit-codes.js";
import { addOptions, flagsOf, oneSentence, ownFlags } from "./options.js";
import { flagOf, resolveSettings } from "./settings.js";
import { spawnCommand } from "./spawn.js";

/**
 * The flags that these arguments are for `spawn`: for whoever starts nodes elsewhere, where a mistake shows late or to nobody.
 * @throws UsageError as `spawn` words it
 */
export function spawnOptions(args: readonly string[]): ReadonlySet<string> {
  const command = new Command()
    .exitOverride()
    .helpOption(false)
    .configureOutput({ outputError: () => {} });
  addOptions(command, spawnCommand);
  command.allowExcessArguments(false);
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) throw new UsageError(oneSentence(error.message, "pydist-node spawn"));
    throw error;
  }
  const flags = flagsOf(command, spawnCommand.settings);
  const names = spawnCommand.settings.filter((name) => flags[name] !== undefined);
  // What is not said here, the machine's own variables and file will say there.
  resolveSettings(names, { flags, env: {}, file: undefined });
  const { given } = ownFlags(command, spawnCommand);
  const own = Object.keys(given).filter((name) => given[name]?.length);
  return new Set([...names.map(flagOf), ...own.map((name) => `--${name}`)]);
}
