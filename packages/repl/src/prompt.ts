import { once } from "node:events";
import { homedir } from "node:os";
import { join } from "node:path";
import repl from "node:repl";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { inspect } from "node:util";
import { globalsAreVariables } from "@pydist/shipping";
import * as pydist from "pydist";
import { drawTree } from "pydist-node/cli";
import { feed } from "./line-by-line.js";

/** Where a prompt reads and writes. */
export interface PromptOptions {
  /** Default: stdin. */
  readonly input?: Readable & { readonly isTTY?: boolean };
  /** Default: stdout. */
  readonly output?: Writable & { readonly isTTY?: boolean };
  /** Where what is typed at a terminal is kept. Default: `PYDIST_REPL_HISTORY`, or `.pydist_repl_history` at home; "" for nowhere. */
  readonly history?: string;
}

/**
 * A prompt on an executor, with Node's own editing, history and `await`: functions that are defined there can be submitted.
 * Resolves at its end, by `.exit`, Ctrl-D or the end of the input; the executor is the caller's to shut down.
 *
 * The process is the prompt's from then on: what is typed makes variables on `globalThis`, and functions take these along.
 */
export async function startPrompt(
  executor: pydist.ClusterExecutor,
  { input = process.stdin, output = process.stdout, history = historyFile() }: PromptOptions = {},
): Promise<void> {
  const terminal = input.isTTY === true && output.isTTY === true;
  globalsAreVariables();
  const server = repl.start({
    input: terminal ? input : new PassThrough(),
    output,
    terminal,
    prompt: terminal ? "pydist> " : "",
    // Functions of another context would have other Objects and Arrays than what they are called with.
    useGlobal: true,
    breakEvalOnSigint: terminal,
    ignoreUndefined: true,
    writer: (value: unknown) => shown(value, terminal),
  });
  const over = once(server, "exit");
  const names = contextOf(executor, output);
  for (const [name, value] of Object.entries(names)) {
    Object.defineProperty(server.context, name, { value, configurable: true, writable: true, enumerable: false });
  }
  if (!terminal) void feed(server, input);
  else server.setupHistory(history, () => server.displayPrompt());
  await over;
}

/** Unset is the default, and empty is nowhere, as of Node's own. */
function historyFile(): string {
  return process.env.PYDIST_REPL_HISTORY ?? join(homedir(), ".pydist_repl_history");
}

function contextOf(executor: pydist.ClusterExecutor, output: Writable): Record<string, unknown> {
  return {
    ...pydist,
    executor,
    submit: executor.submit.bind(executor),
    map: executor.map.bind(executor),
    nodes: () => executor.nodes(),
    stats: () => executor.stats(),
    tree: async () => {
      output.write(`${drawTree(await executor.nodes()).join("\n")}\n`);
    },
  };
}

/** pydist's errors say all in their message; the stack is that of the prompt. */
function shown(value: unknown, colors: boolean): string {
  if (value instanceof pydist.PydistError) return `${value.name}: ${value.message}`;
  return inspect(value, { ...repl.writer.options, colors: colors && !process.env.NO_COLOR });
}
