import { type ClusterExecutor, ExecRefusedError, type NodeInfo, type SubmitOptions } from "pydist";
import { readFiles } from "./files.js";
import { type Assignment, type Outcome, type Part, programWith } from "./on-node.js";
import { checkExec } from "./options.js";
import { MOST_KEPT, Transcript } from "./transcript.js";

/** A line that a program has written. */
export interface ProgramLine {
  /** Id and name of the node. */
  readonly node: string;
  readonly name: string;
  readonly stream: "stdout" | "stderr";
  /** Without its end; at most 32,768 characters, longer lines are cut. */
  readonly text: string;
}

/** Options of `exec`. Times are in milliseconds. */
export interface ExecOptions {
  /**
   * Files and folders that the program is to have: a folder's content, and a file by its name. They travel once to each
   * node, and are put into a new folder there, which is removed when the program is over. Together at most 256 MiB.
   */
  readonly files?: string | readonly string[];
  /**
   * Names or ids of the nodes. Default "all": every node that has workers and takes tasks. "any": one of them, by the
   * rules by which tasks are given to nodes.
   */
  readonly nodes?: "all" | "any" | readonly string[];
  /** Where the program runs, from its folder on. Default: there. */
  readonly cwd?: string;
  /** Variables on top of those of the node, of which it has all but those of pydist. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the program everywhere, with all that it has started. */
  readonly signal?: AbortSignal;
  /** Most time for one program, which is then ended in the same way. Default: none. */
  readonly timeout?: number;
  /** Given each line at once. While a promise that it returns is open, the program may have to wait until it is read. */
  readonly onLine?: (line: ProgramLine) => unknown;
}

/** What became of the program on one node. */
export interface ProgramEnd {
  /** Id and name of the node; none if a program that was to run on any node did not come to one. */
  readonly node: string;
  readonly name: string;
  /** Its exit code; 127 if it could not be started; null if it was ended, by `signal` or with its node. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** When it began, by the node's clock, in milliseconds since 1970; undefined if that is not known. */
  readonly startedAt: number | undefined;
  readonly durationMs: number;
  /** The first 1,048,576 characters of each. */
  readonly stdout: string;
  readonly stderr: string;
  /** Whether there was more of one of them. */
  readonly cut: boolean;
  /** Why there is nothing to be known of its end: a NodeLostError, a TimeoutError. */
  readonly error: unknown;
}

export interface ExecResult {
  /** In the order of `nodes`, or of `executor.nodes()`. */
  readonly nodes: readonly ProgramEnd[];
  /** From the call until the last one was over. */
  readonly totalMs: number;
  /** Whether every exit code is 0. */
  readonly ok: boolean;
}

/**
 * Runs a program once on every node of an executor, or on those that are named, with files that it is given, in a new folder.
 *
 * @param command a text for the node's shell, or the program and its arguments. "node" is the Node that the node runs on
 * @returns once all are over, also if some failed
 * @throws (the promise rejects) ExecRefusedError if one of the nodes was not started with `--allow-exec`, before anything
 *   runs; TypeError or RangeError for a wrong argument; what the file system says of `files`; the signal's reason
 */
export async function exec(
  executor: ClusterExecutor,
  command: string | readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const began = performance.now();
  checkExec(command, options);
  const { files = [], nodes: wanted = "all", signal } = options;
  signal?.throwIfAborted();
  const program = programWith(await readFiles(typeof files === "string" ? [files] : files));
  const all = await executor.nodes();
  const targets = choose(all, wanted);
  const site = { executor, program, all, options };
  const ends = await Promise.all(
    targets.map((target, index) => runOn(site, target, assignmentOf(command, options, index, targets.length))),
  );
  signal?.throwIfAborted();
  return { nodes: ends, totalMs: performance.now() - began, ok: ends.every(({ code }) => code === 0) };
}

function assignmentOf(
  command: string | readonly string[],
  { cwd = ".", env = {}, onLine }: ExecOptions,
  index: number,
  count: number,
): Assignment {
  const shell = typeof command === "string";
  const [first = "", ...args] = shell ? [command] : command;
  const own = { PYDIST_RUN_INDEX: `${index}`, PYDIST_RUN_COUNT: `${count}` };
  return {
    command: first,
    args,
    shell,
    cwd,
    env: { ...own, ...env },
    wanted: onLine === undefined ? MOST_KEPT + 1 : "all",
  };
}

const NOWHERE = { id: "", name: "" };

/** A node, or whichever takes the task. */
type Target = Pick<NodeInfo, "id" | "name"> | "any";

function choose(all: readonly NodeInfo[], wanted: NonNullable<ExecOptions["nodes"]>): readonly Target[] {
  const able = all.filter(({ workers, state }) => workers > 0 && state === "ready");
  if (able.length === 0) throw new RangeError("exec: there is no node that has workers and takes tasks. Start one.");
  if (wanted === "any") {
    const allowed = able.filter(({ allowExec }) => allowExec);
    if (allowed.length === able.length) return ["any"];
    const [idlest] = allowed.sort((a, b) => a.running + a.queued - a.slots - (b.running + b.queued - b.slots));
    if (idlest === undefined) throw refused(able);
    return [idlest];
  }
  const chosen = wanted === "all" ? able : wanted.map((name) => named(name, able));
  const unwilling = chosen.filter(({ allowExec }) => !allowExec);
  if (unwilling.length > 0) throw refused(unwilling);
  return chosen;
}

function named(name: string, able: readonly NodeInfo[]): NodeInfo {
  const found = able.filter((node) => node.name === name || node.id === name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only !== undefined) {
    throw new RangeError(
      `exec: ${found.length} nodes are called ${JSON.stringify(name)}. Name one by its id, as nodes() lists it.`,
    );
  }
  const names = able.map((node) => node.name).join(", ");
  throw new RangeError(
    `exec: no node that has workers and takes tasks is called ${JSON.stringify(name)}. There are ${names}.`,
  );
}

function refused(nodes: readonly Pick<NodeInfo, "name">[]): ExecRefusedError {
  const names = nodes.map(({ name }) => name);
  return new ExecRefusedError(
    `The program was run nowhere, since ${names.join(", ")} ${names.length === 1 ? "does" : "do"} not allow it. ` +
      `Start ${names.length === 1 ? "that node" : "those nodes"} with --allow-exec, or name only nodes that do.`,
    { nodes: names },
  );
}

/** What all runs of one call have in common. */
interface Site {
  readonly executor: ClusterExecutor;
  readonly program: ReturnType<typeof programWith>;
  readonly all: readonly NodeInfo[];
  readonly options: ExecOptions;
}

async function runOn(site: Site, target: Target, assignment: Assignment): Promise<ProgramEnd> {
  const { executor, program, all, options } = site;
  const { signal, timeout, onLine } = options;
  const began = performance.now();
  const transcript = new Transcript();
  const taken = new Count();
  let { id: node, name } = target === "any" ? NOWHERE : target;
  const cameTo = (id: string): void => {
    if (node === "") [node, name] = [id, all.find((each) => each.id === id)?.name ?? id];
  };
  const tell = async (stream: Part["stream"], lines: readonly string[]): Promise<void> => {
    for (const text of lines) await onLine?.({ node, name, stream, text });
  };
  const given: SubmitOptions = {
    name: `exec ${assignment.command.slice(0, 80)}`,
    // Whether it may run twice only its author knows.
    attempts: 1,
    ...(target === "any" ? {} : { node }),
    ...(signal === undefined ? {} : { signal }),
    ...(timeout === undefined ? {} : { timeout }),
    onMessage: async (message) => {
      const part = message as Part;
      cameTo(part.node);
      try {
        await tell(part.stream, transcript.add(part));
      } finally {
        taken.one();
      }
    },
  };
  const future = executor.submit(program, [assignment], given);
  let outcome: Outcome | undefined;
  let error: unknown;
  try {
    outcome = await future;
    if ("parts" in outcome) await taken.reaches(outcome.parts);
  } catch (thrown) {
    error = thrown;
  }
  if (future.node !== undefined) cameTo(future.node);
  if (outcome !== undefined && "refused" in outcome) [outcome, error] = [undefined, refused([{ name }])];
  if (outcome?.failure !== undefined) {
    const text = `${assignment.command} could not be run: ${outcome.failure}\n`;
    await tell("stderr", transcript.add({ stream: "stderr", text }));
  }
  for (const stream of ["stdout", "stderr"] as const) await tell(stream, transcript.end(stream));
  return {
    node,
    name,
    code: outcome?.failure === undefined ? (outcome?.code ?? null) : NOT_STARTED,
    signal: outcome?.signal ?? null,
    startedAt: outcome?.startedAt,
    durationMs: outcome?.durationMs ?? performance.now() - began,
    ...transcript.text,
    cut: transcript.cut,
    error,
  };
}

/** As shells have it. */
const NOT_STARTED = 127;

/** Counts what is done, for whoever waits for some of it. */
class Count {
  #count = 0;
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  one(): void {
    this.#count++;
    if (this.#waiting !== undefined && this.#count >= this.#waiting.count) this.#waiting.resolve();
  }

  async reaches(count: number): Promise<void> {
    if (this.#count >= count) return;
    await new Promise<void>((resolve) => {
      this.#waiting = { count, resolve };
    });
  }
}
