import { parseArgs } from "node:util";
import { secretFileOption } from "./client.js";
import { readConfigFile } from "./config-file.js";
import { UsageError } from "./exit-codes.js";
import { flagOf, resolveSettings, SETTINGS, type SettingName, type Settings } from "./settings.js";

export { exitCodeOf, isForUsers } from "./exit-codes.js";

/** A flag of a program's own: a switch, or one with a value. */
export interface OwnFlag {
  readonly type: "boolean" | "string";
  readonly default?: boolean | string;
}

/** What a program was called with. */
export interface ProgramCall<K extends SettingName> {
  readonly values: Pick<Settings, K>;
  /** As node and executor take it. */
  readonly secret: { readonly secretFile?: string };
  /** Its own flags. */
  readonly own: Readonly<Record<string, string | boolean | undefined>>;
}

/**
 * The settings of `pydist-node` for a program that is a node itself: by the same flags, variables and configuration file,
 * with flags of its own beside them.
 * @throws UsageError naming the place, the value and what is allowed
 */
export function programSettings<K extends SettingName>(
  names: readonly K[],
  own: Readonly<Record<string, OwnFlag>>,
  args: readonly string[],
): ProgramCall<K> {
  const options: Record<string, { type: "boolean" | "string"; default?: boolean | string }> = { ...own };
  const flags = new Map(["secretFile" as const, ...names].map((name) => [flagOf(name).slice(2), name]));
  for (const [flag, name] of flags) options[flag] = { type: SETTINGS[name].placeholder ? "string" : "boolean" };
  const given = valuesOf(args, options);
  const told: Partial<Record<SettingName, string | true>> = {};
  for (const [flag, name] of flags) {
    const value = given[flag];
    if (value !== undefined && value !== false) told[name] = value;
  }
  const inputs = { flags: told, env: process.env, file: readConfigFile(process.cwd()) };
  return {
    values: resolveSettings(names, inputs).values,
    secret: secretFileOption(resolveSettings(["secretFile"], inputs)),
    own: Object.fromEntries(Object.keys(own).map((flag) => [flag, given[flag]])),
  };
}

function valuesOf(
  args: readonly string[],
  options: Record<string, { type: "boolean" | "string"; default?: boolean | string }>,
): Record<string, string | boolean | undefined> {
  try {
    return parseArgs({ args: [...args], options }).values as Record<string, string | boolean | undefined>;
  } catch (error) {
    const flags = Object.keys(options).map((flag) => `--${flag}`);
    throw new UsageError(`${(error as Error).message.replace(/\.?$/, ".")} There are ${flags.join(", ")}.`);
  }
}
