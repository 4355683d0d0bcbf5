import { type Command, Option } from "commander";
import { flagOf, SETTINGS, type SettingName, variableOf } from "./settings.js";
import type { Call, Subcommand } from "./subcommand.js";

/*
 * A subcommand's settings and flags as commander has them, there and back.
 */

type Options = Pick<Subcommand, "settings" | "meanings" | "switches">;

export function addOptions(command: Command, { settings, meanings, switches }: Options): void {
  for (const name of settings) {
    if (name === "address") command.argument("[ADDRESS]", helpOf(name));
    else command.addOption(optionOf(name, meanings?.[name]));
  }
  for (const { flag, help } of switches) command.addOption(ownOption(flag, help));
}

/** What a command was given of the settings. @param at where the address stands among its arguments */
export function flagsOf(
  command: Command,
  settings: readonly SettingName[],
  at = 0,
): Partial<Record<SettingName, string | true>> {
  const given = command.opts<Record<string, string | boolean | undefined>>();
  const flags: Partial<Record<SettingName, string | true>> = {};
  for (const name of settings) {
    const value =
      name === "address" ? command.args[at] : name === "noSupervise" ? given.supervise === false : given[name];
    if (value !== undefined && value !== false) flags[name] = value;
  }
  return flags;
}

/** One with a value can be given several times. */
function ownOption(flag: string, help: string): Option {
  const option = new Option(flag, help);
  if (option.required) option.argParser((value: string, before: readonly string[] = []) => [...before, value]);
  return option;
}

/** What a command was given of the subcommand's own flags. */
export function ownFlags(command: Command, { switches }: Options): Pick<Call<SettingName>, "switches" | "given"> {
  const values = command.opts<Record<string, unknown>>();
  const names = switches.map(({ flag }) => new Option(flag).attributeName());
  return {
    switches: new Set(names.filter((name) => values[name] === true)),
    given: Object.fromEntries(names.map((name) => [name, Array.isArray(values[name]) ? values[name] : []])),
  };
}

function optionOf(name: SettingName, meaning: string | undefined): Option {
  const { placeholder } = SETTINGS[name];
  const option = new Option(
    placeholder === undefined ? flagOf(name) : `${flagOf(name)} <${placeholder}>`,
    meaning === undefined ? helpOf(name) : `${meaning} (${variableOf(name)})`,
  );
  // Given twice, a list grows; any other flag's last value counts, as everywhere.
  if (name === "parent" || name === "children")
    option.argParser((value: string, before: string | undefined) => (before ? `${before},${value}` : value));
  return option;
}

function helpOf(name: SettingName): string {
  const { help, default: value } = SETTINGS[name];
  const shown = typeof value === "string" || typeof value === "number" ? `default ${JSON.stringify(value)}, ` : "";
  return `${help} (${shown}${variableOf(name)})`;
}

/** commander's "error: unknown option '--prot'\n(Did you mean --port?)" as one line that says what to do. */
export function oneSentence(text: string, command: string): string {
  const [what = "", ...hints] = text
    .trim()
    .replace(/^error: /, "")
    .split("\n");
  const hint = hints.map((line) => line.replace(/^\((.*)\)$/, "$1")).join(" ");
  const sentence = `${what.charAt(0).toUpperCase()}${what.slice(1)}`.replace(/\.?$/, ".");
  return `${sentence} ${hint === "" ? `See ${command} --help.` : hint}`;
}
