import { Command, CommanderError, Option } from "commander";
import { VERSION } from "../version.js";
import { readConfigFile } from "./config-file.js";
import { EXIT, exitCodeOf, isForUsers } from "./exit-codes.js";
import { complain, tolerateClosedPipes } from "./output.js";
import { flagOf, resolveSettings, SETTINGS, type SettingName, variableOf } from "./settings.js";
import type { Subcommand } from "./subcommand.js";

/** Runs `pydist-node` with these arguments. @returns the exit code; never rejects */
export async function runProgram(
  args: readonly string[],
  subcommands: Readonly<Record<string, () => Promise<Subcommand>>>,
): Promise<number> {
  tolerateClosedPipes();
  let exitCode: number = EXIT.ok;
  const [first = ""] = args;
  const called = Object.hasOwn(subcommands, first)
    ? [subcommands[first] as () => Promise<Subcommand>]
    : Object.values(subcommands);
  const program = build(await Promise.all(called.map((load) => load())), (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    // Its message, or the help, has been printed. Help that was asked for is no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (isForUsers(error)) complain(error.message);
    else process.stderr.write(`pydist-node failed unexpectedly:\n${(error as Error)?.stack ?? String(error)}\n`);
    return exitCodeOf(error);
  }
}

function build(subcommands: readonly Subcommand[], finished: (exitCode: number) => void): Command {
  const program = new Command("pydist-node")
    .description("A node of a pydist tree: runs tasks on this machine's cores, and hands on more to the nodes below.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({ outputError: (text) => complain(oneSentence(text, "pydist-node")) })
    .addHelpText("before", examplesText(subcommands.flatMap(({ examples }) => examples.filter(({ marked }) => marked))))
    .addHelpText(
      "after",
      `\nEvery flag can also be set by its variable or in pydist.config.json; see the help of each command.`,
    );
  for (const subcommand of subcommands) define(program.command(subcommand.name), subcommand, finished);
  return program;
}

function define(command: Command, subcommand: Subcommand, finished: (exitCode: number) => void): void {
  const { summary, examples, settings, switches, run } = subcommand;
  command
    .description(summary)
    .configureOutput({ outputError: (text) => complain(oneSentence(text, `pydist-node ${subcommand.name}`)) })
    .addHelpText("before", examplesText(examples));
  for (const name of settings) {
    if (name === "address") command.argument("[ADDRESS]", helpOf(name));
    else command.addOption(optionOf(name));
  }
  for (const { flag, help } of switches) command.option(flag, help);
  command.action(async () => {
    const given = command.opts<Record<string, string | boolean | undefined>>();
    const flags: Partial<Record<SettingName, string | true>> = {};
    for (const name of settings) {
      const value =
        name === "address" ? command.args[0] : name === "noSupervise" ? given.supervise === false : given[name];
      if (value !== undefined && value !== false) flags[name] = value;
    }
    const own = switches.map(({ flag }) => flag.slice(2)).filter((name) => given[name] === true);
    const inputs = { flags, env: process.env, file: readConfigFile(process.cwd()) };
    finished(await run({ ...resolveSettings(settings, inputs), switches: new Set(own) }));
  });
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
