import { Command, CommanderError, Option } from "commander";
import { VERSION } from "../version.js";
import { readConfigFile } from "./config-file.js";
import { type Elsewhere, loadElsewhere } from "./elsewhere.js";
import { EXIT, exitCodeOf, isForUsers } from "./exit-codes.js";
import { complain, tolerateClosedPipes } from "./output.js";
import { flagOf, resolveSettings, SETTINGS, type SettingName, variableOf } from "./settings.js";
import type { Call, Subcommand } from "./subcommand.js";

/** The subcommands of this package, and those that others bring. */
export interface Registry {
  readonly own: Readonly<Record<string, () => Promise<Subcommand>>>;
  readonly elsewhere: Readonly<Record<string, Elsewhere>>;
}

/** Runs `pydist-node` with these arguments. @returns the exit code; never rejects */
export async function runProgram(args: readonly string[], registry: Registry): Promise<number> {
  tolerateClosedPipes();
  let exitCode: number = EXIT.ok;
  try {
    const called = await find(args[args[0] === "help" ? 1 : 0] ?? "", registry);
    // What stands behind it is another program's, whose flags are none of ours.
    const end = called?.rest === undefined ? -1 : args.indexOf("--");
    const [own, rest] = end < 0 ? [args, []] : [args.slice(0, end), args.slice(end + 1)];
    const program = build(await listed(called, registry), rest, (code) => {
      exitCode = code;
    });
    await program.parseAsync(own, { from: "user" });
    return exitCode;
  } catch (error) {
    // Its message, or the help, has been printed. Help that was asked for is no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (isForUsers(error)) complain(error.message);
    else process.stderr.write(`pydist-node failed unexpectedly:\n${(error as Error)?.stack ?? String(error)}\n`);
    return exitCodeOf(error);
  }
}

/** The subcommand of that name, if there is one: all that a call needs is then loaded. */
async function find(name: string, { own, elsewhere }: Registry): Promise<Subcommand | undefined> {
  if (Object.hasOwn(own, name)) return own[name]?.();
  return Object.hasOwn(elsewhere, name) ? loadElsewhere(name, elsewhere[name] as Elsewhere) : undefined;
}

/** What the help lists. */
async function listed(called: Subcommand | undefined, { own, elsewhere }: Registry): Promise<Listed[]> {
  if (called !== undefined) return [called];
  const all = await Promise.all(Object.values(own).map((load) => load()));
  return [...all, ...Object.entries(elsewhere).map(([name, { summary }]) => ({ name, summary }))];
}

type Listed = Subcommand | Pick<Subcommand, "name" | "summary">;

function build(subcommands: readonly Listed[], rest: readonly string[], finished: (exitCode: number) => void): Command {
  const marked = subcommands
    .flatMap((each) => ("examples" in each ? each.examples : []))
    .filter(({ marked }) => marked);
  const program = new Command("pydist-node")
    .description("A node of a pydist tree: runs tasks on this machine's cores, and hands on more to the nodes below.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({ outputError: (text) => complain(oneSentence(text, "pydist-node")) })
    .addHelpText("before", examplesText(marked))
    .addHelpText(
      "after",
      `\nEvery flag can also be set by its variable or in pydist.config.json; see the help of each command.`,
    );
  for (const each of subcommands) {
    const command = program.command(each.name).description(each.summary);
    if ("run" in each) define(command, each, rest, finished);
  }
  return program;
}

function define(
  command: Command,
  subcommand: Subcommand,
  rest: readonly string[],
  finished: (exitCode: number) => void,
): void {
  const { examples, settings, switches, operand, run } = subcommand;
  command
    .configureOutput({ outputError: (text) => complain(oneSentence(text, `pydist-node ${subcommand.name}`)) })
    .addHelpText("before", examplesText(examples));
  if (operand !== undefined) command.argument(`<${operand.name}>`, operand.help);
  const at = operand === undefined ? 0 : 1;
  for (const name of settings) {
    if (name === "address") command.argument("[ADDRESS]", helpOf(name));
    else command.addOption(optionOf(name));
  }
  for (const { flag, help } of switches) command.addOption(ownOption(flag, help));
  if (subcommand.rest !== undefined)
    command.usage(`[options] ${operand === undefined ? "" : `${operand.name} `}[ADDRESS] -- ${subcommand.rest}`);
  command.action(async () => {
    const given = command.opts<Record<string, string | boolean | undefined>>();
    const flags: Partial<Record<SettingName, string | true>> = {};
    for (const name of settings) {
      const value =
        name === "address" ? command.args[at] : name === "noSupervise" ? given.supervise === false : given[name];
      if (value !== undefined && value !== false) flags[name] = value;
    }
    const inputs = { flags, env: process.env, file: readConfigFile(process.cwd()) };
    finished(
      await run({
        ...resolveSettings(settings, inputs),
        ...ownFlags(command, switches),
        operand: at === 1 ? (command.args[0] ?? "") : "",
        rest,
      }),
    );
  });
}

/** One with a value can be given several times. */
function ownOption(flag: string, help: string): Option {
  const option = new Option(flag, help);
  if (option.required) option.argParser((value: string, before: readonly string[] = []) => [...before, value]);
  return option;
}

function ownFlags(command: Command, switches: Subcommand["switches"]): Pick<Call<SettingName>, "switches" | "given"> {
  const values = command.opts<Record<string, unknown>>();
  const names = switches.map(({ flag }) => new Option(flag).attributeName());
  return {
    switches: new Set(names.filter((name) => values[name] === true)),
    given: Object.fromEntries(names.map((name) => [name, Array.isArray(values[name]) ? values[name] : []])),
  };
}

function optionOf(name: SettingName): Option {
  const { placeholder } = SETTINGS[name];
  const option = new Option(
    placeholder === undefined ? flagOf(name) : `${flagOf(name)} <${placeholder}>`,
    helpOf(name),
  );
  // Given twice, a list grows; any other flag's last value counts, as everywhere.
  if (name === "parent")
    option.argParser((value: string, before: string | undefined) => (before ? `${before},${value}` : value));
  return option;
}

function helpOf(name: SettingName): string {
  const { help, default: value } = SETTINGS[name];
  const shown = typeof value === "string" || typeof value === "number" ? `default ${JSON.stringify(value)}, ` : "";
  return `${help} (${shown}${variableOf(name)})`;
}

function examplesText(examples: Subcommand["examples"]): string {
  const width = Math.max(...examples.map(({ run }) => run.length));
  return `Examples:\n${examples.map(({ run, what }) => `  ${run.padEnd(width)}  ${what}`).join("\n")}\n`;
}

/** commander's "error: unknown option '--prot'\n(Did you mean --port?)" as one line that says what to do. */
function oneSentence(text: string, command: string): string {
  const [what = "", ...hints] = text
    .trim()
    .replace(/^error: /, "")
    .split("\n");
  const hint = hints.map((line) => line.replace(/^\((.*)\)$/, "$1")).join(" ");
  const sentence = `${what.charAt(0).toUpperCase()}${what.slice(1)}`.replace(/\.?$/, ".");
  return `${sentence} ${hint === "" ? `See ${command} --help.` : hint}`;
}
