import { Command, CommanderError } from "commander";
import { VERSION } from "../version.js";
import { readConfigFile } from "./config-file.js";
import { type Elsewhere, loadElsewhere } from "./elsewhere.js";
import { EXIT, exitCodeOf, isForUsers } from "./exit-codes.js";
import { addOptions, flagsOf, oneSentence, ownFlags } from "./options.js";
import { complain, tolerateClosedPipes } from "./output.js";
import { resolveSettings } from "./settings.js";
import type { Subcommand, SubcommandGroup } from "./subcommand.js";

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
    const called = await find(args[0] === "help" ? args.slice(1) : args, registry);
    // What stands behind it is another program's, whose flags are none of ours.
    const end = callable(called)?.rest === undefined ? -1 : args.indexOf("--");
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

/** A group with those of its subcommands that the help shows: all, or the one that is called. */
interface Opened extends Pick<SubcommandGroup, "name" | "summary"> {
  readonly opened: readonly Subcommand[];
}

/** The subcommand that the first words name, if there is one: all that a call needs is then loaded. */
async function find([name = "", member = ""]: readonly string[], registry: Registry) {
  const { own, elsewhere } = registry;
  if (Object.hasOwn(own, name)) return own[name]?.();
  if (!Object.hasOwn(elsewhere, name)) return undefined;
  const found = await loadElsewhere(name, elsewhere[name] as Elsewhere);
  return "members" in found ? open(found, member) : found;
}

async function open({ name, summary, members }: SubcommandGroup, member: string): Promise<Opened> {
  const called = Object.hasOwn(members, member) ? [members[member]] : Object.values(members);
  return { name, summary, opened: await Promise.all(called.flatMap((load) => load?.() ?? [])) };
}

/** What is about to run, if that is certain. */
function callable(called: Subcommand | Opened | undefined): Subcommand | undefined {
  if (called === undefined || "run" in called) return called;
  return called.opened.length === 1 ? called.opened[0] : undefined;
}

/** What the help lists. */
async function listed(called: Subcommand | Opened | undefined, { own, elsewhere }: Registry): Promise<Listed[]> {
  if (called !== undefined) return [called];
  const all = await Promise.all(Object.values(own).map((load) => load()));
  return [...all, ...Object.entries(elsewhere).map(([name, { summary }]) => ({ name, summary }))];
}

type Listed = Subcommand | Opened | Pick<Subcommand, "name" | "summary">;

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
    if ("run" in each) define(command, each, each.name, rest, finished);
    if (!("opened" in each)) continue;
    dress(
      command,
      each.name,
      each.opened.flatMap(({ examples }) => examples),
    );
    for (const member of each.opened) {
      const below = command.command(member.name).description(member.summary);
      define(below, member, `${each.name} ${member.name}`, rest, finished);
    }
  }
  return program;
}

function dress(command: Command, name: string, examples: Subcommand["examples"]): void {
  command
    .configureOutput({ outputError: (text) => complain(oneSentence(text, `pydist-node ${name}`)) })
    .addHelpText("before", examplesText(examples));
}

function define(
  command: Command,
  subcommand: Subcommand,
  name: string,
  rest: readonly string[],
  finished: (exitCode: number) => void,
): void {
  const { examples, settings, operand, run } = subcommand;
  dress(command, name, examples);
  if (operand !== undefined) command.argument(`<${operand.name}>`, operand.help);
  const at = operand === undefined ? 0 : 1;
  addOptions(command, subcommand);
  if (subcommand.rest !== undefined)
    command.usage(
      `[options] ${operand === undefined ? "" : `${operand.name} `}${settings.includes("address") ? "[ADDRESS] " : ""}-- ${subcommand.rest}`,
    );
  command.action(async () => {
    const inputs = { flags: flagsOf(command, settings, at), env: process.env, file: readConfigFile(process.cwd()) };
    finished(
      await run({
        ...resolveSettings(settings, inputs),
        ...ownFlags(command, subcommand),
        operand: at === 1 ? (command.args[0] ?? "") : "",
        rest,
      }),
    );
  });
}

function examplesText(examples: Subcommand["examples"]): string {
  const width = Math.max(...examples.map(({ run }) => run.length));
  return `Examples:\n${examples.map(({ run, what }) => `  ${run.padEnd(width)}  ${what}`).join("\n")}\n`;
}
