import { type ChildProcess, fork } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { decodeFailure, decodeValue, type EncodedValue, type Kind } from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import { permissionFlag } from "../support/permission.js";

/** What a task gave in the other process. */
export interface Outcome {
  readonly value?: unknown;
  readonly error?: Error;
  /** Of the function there, if there was one. */
  readonly name?: string;
  readonly length?: number;
  readonly source?: string;
}

interface Body {
  readonly kind: Kind;
  readonly bytes: Uint8Array;
}

interface Answer {
  readonly id: number;
  readonly result?: Body;
  readonly failure?: Body;
  readonly name?: string;
  readonly length?: number;
  readonly source?: string;
}

/** A function on its way: everything that a link carries for it. */
export interface Parcel {
  readonly hash: string;
  readonly text: string;
  readonly captured?: ShippedCode["captured"];
  readonly args: Body;
}

export interface ElsewhereOptions {
  /** Names of packages that are installed there, in its working directory. Default: none. */
  readonly packages?: readonly string[];
  /** Files and folders of this machine that it may read all the same, as a node does that shares a disk. */
  readonly reads?: readonly string[];
}

const require = createRequire(import.meta.url);

/** Everything that goes over the link for one call. */
export function pack(shipped: ShippedCode, args: readonly unknown[] = []): Parcel {
  const { hash, text, captured } = shipped;
  return {
    hash,
    text,
    ...(captured === undefined ? {} : { captured }),
    args: bodyOf(shipped.encodeArguments(args)),
  };
}

function bodyOf({ kind, text, bytes }: EncodedValue): Body {
  return { kind, bytes: text === undefined ? (bytes as Uint8Array) : new TextEncoder().encode(text) };
}

/**
 * A process with a working directory of its own that sees nothing of this one: Node's permission model keeps it from
 * every file but its own installation of pydist. It lives as long as the test file; each task there starts afresh.
 */
export class Elsewhere {
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #last = 0;
  #output = "";

  private constructor(folder: string, reads: readonly string[]) {
    this.#folder = folder;
    const readable = [folder, ...reads].map((path) => `--allow-fs-read=${path}/*`);
    this.#child = fork(join(folder, "node", "receiver.mjs"), {
      cwd: join(folder, "work"),
      execArgv: [permissionFlag, ...readable, "--no-warnings"],
      // Nothing of the test runner's: its flags would let the process read, or load, what it must not.
      env: { PATH: process.env.PATH },
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    this.#child.on("message", (answer: Answer) => {
      this.#waiting.get(answer.id)?.resolve(answer);
      this.#waiting.delete(answer.id);
    });
    this.#child.once("exit", (code) => {
      const error = new Error(`the other process ended with ${code}\n${this.#output}`);
      for (const { reject } of this.#waiting.values()) reject(error);
    });
  }

  static async start({ packages = [], reads = [] }: ElsewhereOptions = {}): Promise<Elsewhere> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "pydist-elsewhere-")));
    install(join(folder, "node"), ["@pydist/shipping", "@pydist/protocol"], require);
    // So that nothing above is asked which kind of module it is.
    writeFileSync(join(folder, "node", "package.json"), '{ "type": "module" }');
    cpSync(join(import.meta.dirname, "fixtures", "elsewhere", "receiver.mjs"), join(folder, "node", "receiver.mjs"));
    mkdirSync(join(folder, "work"));
    install(join(folder, "work"), packages, require);
    const elsewhere = new Elsewhere(folder, reads);
    await new Promise<Answer>((resolve, reject) => elsewhere.#waiting.set(0, { resolve, reject }));
    return elsewhere;
  }

  /** Its working directory. */
  get directory(): string {
    return join(this.#folder, "work");
  }

  /** Runs what is in a parcel, as one task. */
  async run(parcel: Parcel): Promise<Outcome> {
    const id = ++this.#last;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, ...parcel });
    });
    const { result, failure, name, length, source } = answer;
    if (failure !== undefined) return { error: decodeFailure(failure.kind, failure.bytes, { node: "far" }) as Error };
    if (result === undefined) throw new Error("the other process answered neither with a result nor a failure");
    return { value: decodeValue(result.kind, result.bytes), ...defined({ name, length, source }) };
  }

  /** Ends the process, and takes its folder away. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill();
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** Copies packages and all that they depend on: a link would lead out of the folder. */
function install(folder: string, names: readonly string[], from: NodeJS.Require): void {
  for (const name of names) {
    const target = join(folder, "node_modules", name);
    if (existsSync(target)) continue;
    const source = packageFolder(name, from);
    cpSync(source, target, { recursive: true, filter: (path) => !path.slice(source.length).includes("node_modules") });
    const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as {
      dependencies?: Record<string, string>;
    };
    install(folder, Object.keys(manifest.dependencies ?? {}), createRequire(join(source, "package.json")));
  }
}

function packageFolder(name: string, from: NodeJS.Require): string {
  for (const folder of from.resolve.paths(name) ?? []) {
    const candidate = join(folder, name);
    if (existsSync(join(candidate, "package.json"))) return dirname(realpathSync(join(candidate, "package.json")));
  }
  throw new Error(`the test needs the package ${name}, which is not installed`);
}
