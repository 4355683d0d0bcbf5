import { basename } from "node:path";
import { ClusterExecutor } from "pydist";
import {
  type Call,
  CLIENT_SETTINGS,
  duration,
  EXIT,
  Interruption,
  plain,
  printJson,
  secretFileOption,
  subcommand,
  UsageError,
} from "pydist-node/cli";
import { type ExecOptions, type ExecResult, exec, type ProgramEnd } from "./exec.js";

const SETTINGS = [...CLIENT_SETTINGS, "json"] as const;
type RunCall = Call<(typeof SETTINGS)[number]>;

const FILES = {
  flag: "--files <PATH>",
  help: "a file, or a folder's content, that it has where it runs; can be repeated",
};

export const run = subcommand({
  name: "run",
  summary: "run a program on every node, and see what it prints",
  examples: [
    { run: "pydist-node run --all -- nvidia-smi", what: "on all nodes of 127.0.0.1:9000, or of PYDIST_ADDRESS" },
    { run: "pydist-node run --all --files src 10.0.0.1:9000 -- make test", what: "with the files of a folder" },
    { run: "pydist-node run --node a --node b -- node main.js", what: "on those nodes; node is the node's own" },
  ],
  settings: SETTINGS,
  switches: [
    { flag: "--all", help: "on every node that has workers and takes tasks" },
    { flag: "--node <NAME>", help: "on the node of that name or id; can be repeated" },
    FILES,
  ],
  rest: "COMMAND [ARGUMENT...]",
  async run(call) {
    const { node: nodes = [] } = call.given;
    if (call.switches.has("all") === nodes.length > 0) {
      throw new UsageError("Where should it run? Give either --all, or --node NAME once or several times.");
    }
    if (call.rest.length === 0) {
      throw new UsageError("What should be run stands behind --, as in pydist-node run --all -- uname -a");
    }
    const labelled = ({ name }: { readonly name: string }): string => `[${plain(name)}] `;
    // As with ssh, what was quoted as one is a line of the shell.
    const [line = "", ...more] = call.rest;
    const command = more.length === 0 && /\s/.test(line) ? line : call.rest;
    return carryOut(call, command, nodes.length > 0 ? nodes : "all", labelled);
  },
});

export const submit = subcommand({
  name: "submit",
  summary: "run a script on one node, which is chosen",
  examples: [
    { run: "pydist-node submit script.mjs -- 1 2", what: "with the arguments 1 and 2, somewhere in the tree" },
    { run: "pydist-node submit --files data script.mjs 10.0.0.1:9000", what: "with the files of a folder beside it" },
  ],
  settings: SETTINGS,
  switches: [FILES],
  operand: { name: "SCRIPT", help: "a file for Node, which is sent along" },
  rest: "[ARGUMENT...]",
  async run(call) {
    const { operand: script, rest } = call;
    const given = { ...call.given, files: [...(call.given.files ?? []), script] };
    return carryOut({ ...call, given }, ["node", basename(script), ...rest], "any", () => "");
  },
});

/** Runs it with its lines on the streams of this process. @returns the exit code */
async function carryOut(
  call: RunCall,
  command: string | readonly string[],
  nodes: NonNullable<ExecOptions["nodes"]>,
  labelOf: (line: { readonly name: string }) => string,
): Promise<number> {
  const { address, cluster, connectTimeout, json } = call.values;
  const executor = new ClusterExecutor(address, { cluster, connectTimeout, ...secretFileOption(call) });
  const interruption = new Interruption("ending the programs");
  try {
    const result = await exec(executor, command, {
      nodes,
      files: call.given.files ?? [],
      signal: interruption.signal,
      ...(json ? {} : { onLine: (line) => write(process[line.stream], `${labelOf(line)}${line.text}\n`) }),
    });
    if (json) printJson({ ...result, nodes: result.nodes.map(printable) });
    else report(result, labelOf);
    return exitCodeOf(result);
  } catch (error) {
    if (interruption.exitCode !== undefined) return interruption.exitCode;
    if (error instanceof RangeError || error instanceof TypeError || isOfFileSystem(error)) {
      throw new UsageError(error.message.replace(/^exec: /, ""));
    }
    throw error;
  } finally {
    interruption.over();
    await executor.shutdown();
  }
}

/** Resolves when there is room for more: who reads slowly slows the programs down, and nothing gathers here. */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> | undefined {
  if (stream.write(text)) return undefined;
  return new Promise((resolve) => {
    const over = (): void => {
      stream.off("drain", over).off("close", over);
      resolve();
    };
    stream.once("drain", over).once("close", over);
  });
}

/** How it went, on stderr: stdout is the programs'. */
function report({ nodes, totalMs }: ExecResult, labelOf: (line: { readonly name: string }) => string): void {
  for (const each of nodes) {
    const why = wordEnd(each);
    if (why !== undefined) process.stderr.write(`${labelOf(each)}${plain(why)}\n`);
  }
  const failed = nodes.filter(({ code }) => code !== 0).length;
  const where = nodes.length === 1 ? "1 node" : `${nodes.length} nodes`;
  process.stderr.write(`${where}, ${failed === 0 ? "none" : failed} failed. Total time ${duration(totalMs)}.\n`);
}

function wordEnd({ code, signal, error }: ProgramEnd): string | undefined {
  if (error !== undefined) return error instanceof Error ? error.message : String(error);
  if (signal !== null) return `ended by ${signal}`;
  return code === 0 ? undefined : `exit code ${code}`;
}

function printable({ error, ...end }: ProgramEnd): object {
  return { ...end, error: error === undefined ? null : error instanceof Error ? error.message : String(error) };
}

/** That of the first program that failed. */
function exitCodeOf({ nodes }: ExecResult): number {
  const failed = nodes.find(({ code }) => code !== 0);
  return failed === undefined ? EXIT.ok : (failed.code ?? EXIT.failure);
}

function isOfFileSystem(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error && "path" in error;
}
