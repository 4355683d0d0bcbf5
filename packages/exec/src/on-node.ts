import { spawn } from "node:child_process";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { task } from "pydist";
import type { Files } from "./files.js";
import { GUARDIAN, type Order, type Report } from "./guardian.js";

/*
 * What runs on the nodes. They have this package not: the function travels as one of the user's own does, with the files.
 */

/** Once the program is over, what it left behind may hold its streams open for so long, in milliseconds. */
const LAST_WORDS = 1000;

/** Why a program could not be run of whose end nothing is told. */
const UNWATCHED = "the process that watches over it could not be started, or was ended";

/** What the program of one node is given. */
export interface Assignment extends Omit<Order, "env"> {
  /** On top of the node's own. */
  readonly env: Readonly<Record<string, string>>;
  /** Characters of each stream that are sent; Infinity for all. */
  readonly wanted: number | "all";
}

/** A part of what the program writes. */
export interface Part {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  /** Id of the node. */
  readonly node: string;
}

/** How it ended. */
export type Outcome =
  | {
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      /** When it began, by the node's clock, and how long it took, in milliseconds. */
      readonly startedAt: number;
      readonly durationMs: number;
      /** Why it could not be started. */
      readonly failure: string | undefined;
      /** How many parts were sent. */
      readonly parts: number;
    }
  | { readonly refused: true };

/** Makes the function that runs a program with these files. */
export function programWith(files: Files): (assignment: Assignment) => Promise<Outcome> {
  return async ({ wanted, env, ...order }) => {
    if (process.env.PYDIST_ALLOW_EXEC !== "1") return { refused: true };
    const context = task.context();
    let parts = 0;
    const send = async (stream: Part["stream"], text: string): Promise<void> => {
      parts++;
      await context.send({ stream, text, node: context.node } satisfies Part);
    };
    const guardian = spawn(process.execPath, ["--input-type=commonjs", "-e", GUARDIAN], {
      // What the node was started with is not meant for it.
      env: { ...process.env, NODE_OPTIONS: "" },
      stdio: ["pipe", "pipe", "pipe", "pipe"],
      detached: true,
      windowsHide: true,
    });
    const [stdin, stdout, stderr, reports] = guardian.stdio as unknown as [Writable, Readable, Readable, Readable];
    const gone = new Promise<void>((resolve) => guardian.once("error", () => resolve()).once("exit", () => resolve()));
    stdin.on("error", () => {}); // It has ended, and so will all this.
    const stop = (): void => void stdin.end();
    try {
      const reported = linesOf(reports);
      const first = (await reported.next()) as Report | undefined;
      let startedAt = Date.now();
      let began = performance.now();
      const ended = (end: Report | undefined): Outcome => {
        const { code = null, signal = null } = end !== undefined && "code" in end ? end : {};
        const failure = end === undefined ? UNWATCHED : "failure" in end ? end.failure : undefined;
        return { code, signal, startedAt, durationMs: performance.now() - began, failure, parts };
      };
      if (first === undefined || !("folder" in first)) return ended(first);
      await layOut(files, first.folder);
      const mine = Object.entries(process.env).filter(([name]) => !name.startsWith("PYDIST_"));
      [startedAt, began] = [Date.now(), performance.now()];
      context.signal.addEventListener("abort", stop);
      if (context.signal.aborted) stop();
      stdin.write(`${JSON.stringify({ ...order, env: { ...Object.fromEntries(mine), ...env } })}\n`);
      const told = Promise.all([
        passOn(stdout, (text) => send("stdout", text), wanted),
        passOn(stderr, (text) => send("stderr", text), wanted),
      ]);
      // Whoever is stopped hears of it below.
      told.catch(() => {});
      const outcome = ended((await reported.next()) as Report | undefined);
      await gone;
      const late = setTimeout(() => [stdout, stderr].map((stream) => stream.destroy()), LAST_WORDS);
      await told;
      clearTimeout(late);
      context.signal.throwIfAborted();
      return { ...outcome, parts };
    } finally {
      context.signal.removeEventListener("abort", stop);
      stop();
    }
  };
}

async function layOut(files: Files, folder: string): Promise<void> {
  for (const file of files) {
    const place = join(folder, file.path);
    if (file.is === "folder") await mkdir(place, { recursive: true });
    else if (file.is === "link") await symlink(file.target, place);
    else {
      await writeFile(place, file.bytes);
      await chmod(place, file.mode);
    }
  }
}

/** The next report, each time it is asked; undefined when there are no more. */
function linesOf(stream: Readable): { next(): Promise<unknown> } {
  const lines = (async function* () {
    let text = "";
    for await (const part of stream.setEncoding("utf8")) {
      const whole = `${text}${part}`.split("\n");
      text = whole.pop() as string;
      yield* whole.map((line) => JSON.parse(line) as unknown);
    }
  })();
  return { next: async () => (await lines.next()).value };
}

/** Reads all, and passes on what is wanted, no faster than it is taken. */
async function passOn(stream: Readable, send: (text: string) => Promise<void>, wanted: number | "all"): Promise<void> {
  let room = wanted === "all" ? Number.POSITIVE_INFINITY : wanted;
  try {
    for await (const part of stream.setEncoding("utf8") as AsyncIterable<string>) {
      if (room <= 0) continue;
      await send(part.slice(0, room));
      room -= part.length;
    }
  } catch (error) {
    // Whoever holds it open after the end is not waited for.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}
