import { readdir, stat } from "node:fs/promises";
import { CheckpointError } from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import type { ClassicLevel } from "classic-level";
import { checkFunction, FUNCTION_KEY, functionRecord, identityOf } from "./identity.js";
import { type Kept, keyOf, seal, unseal } from "./records.js";

type Level = ClassicLevel<Uint8Array, Uint8Array>;

/** A power cut costs about the results of so many milliseconds. */
const SYNC_TIME = 1000;
/** Everything that LevelDB writes. */
const OURS = /^(?:CURRENT|LOCK|LOG|LOG\.old|lost|MANIFEST-\d+|\d+\.(?:log|ldb|sst|dbtmp))$/;

const OTHERWISE = "Delete it to begin anew, or choose another name.";

/** Checkpoints of maps of this process that are over or were stopped, by their paths. */
const closing = new Map<string, Promise<void>>();

/** Whoever opens this checkpoint in this process waits until it is closed, instead of being refused. */
export function awaitClosing(path: string, closed: Promise<void>): void {
  if (closing.get(path) === closed) return;
  closing.set(path, closed);
  void closed.then(() => {
    if (closing.get(path) === closed) closing.delete(path);
  });
}

/** The folder on the disk in which a map's results are kept. */
export class Store {
  readonly #path: string;
  readonly #code: ShippedCode;
  readonly #identity: string;
  readonly #level: Level;
  #pending: { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }[] = [];
  /** The write that is under way or comes next. */
  #writing: Promise<void> = Promise.resolve();
  #synced = performance.now();

  private constructor(path: string, code: ShippedCode, level: Level) {
    this.#path = path;
    this.#code = code;
    this.#identity = identityOf(code);
    this.#level = level;
  }

  /** @throws CheckpointError if it cannot be used, or belongs to another function */
  static async open(path: string, code: ShippedCode): Promise<Store> {
    await closing.get(path);
    await checkFolder(path);
    const level = await openLevel(path);
    try {
      const before = await level.get(FUNCTION_KEY).catch(() => undefined);
      // Written before any result is, so that no result is ever without its function.
      if (!checkFunction(path, code, before)) await level.put(FUNCTION_KEY, functionRecord(code), { sync: true });
    } catch (error) {
      await level.close();
      throw error instanceof CheckpointError ? error : unusable(path, "cannot be written", error);
    }
    return new Store(path, code, level);
  }

  /** Results of the calls from `first` up to, not including, `end`, by their index. What is damaged is not there. */
  async read(first: number, end: number): Promise<Map<number, Kept>> {
    const found = new Map<number, Kept>();
    try {
      for await (const [key, record] of this.#level.iterator({ gte: keyOf(first), lt: keyOf(end) })) {
        const kept = unseal(this.#identity, key, record);
        if (kept !== undefined) found.set(Number(Buffer.from(key).readBigUInt64BE()), kept);
      }
    } catch {
      // What could not be read runs again.
    }
    return found;
  }

  /**
   * Resolves when the operating system has these results: no end of this process loses them then. What comes while a
   * write is under way shares the next one.
   * @throws CheckpointError
   */
  keep(results: ReadonlyMap<number, Kept>): Promise<void> {
    if (this.#pending.length === 0) this.#writing = this.#writing.then(() => this.#write());
    for (const [index, kept] of results) {
      const key = keyOf(index);
      this.#pending.push({ type: "put", key, value: seal(this.#identity, key, kept) });
    }
    return this.#writing;
  }

  async #write(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    const now = performance.now();
    const sync = now - this.#synced >= SYNC_TIME;
    if (sync) this.#synced = now;
    try {
      await this.#level.batch(pending, { sync });
    } catch (error) {
      throw unusable(this.#path, "cannot be written", error);
    }
  }

  /** The disk has everything that was kept, and other processes may open it. Never rejects. */
  async close(): Promise<void> {
    // A write that reaches the disk takes those before it along. Who kept something was told of a failure.
    const last = () => this.#level.put(FUNCTION_KEY, functionRecord(this.#code), { sync: true });
    await this.#writing.then(last).catch(() => {});
    await this.#level.close().catch(() => {});
  }
}

async function openLevel(path: string): Promise<Level> {
  // Only here, so that no map without a checkpoint loads native code.
  const { ClassicLevel: Library } = await import("classic-level").catch((error: unknown) => {
    const where = `${process.platform} ${process.arch}`;
    throw new CheckpointError(
      `The checkpoint ${path} cannot be used: the package classic-level, which keeps it, does not load on ${where}: ` +
        `${reasonOf(error)}. Install classic-level with its native part, or map without a checkpoint.`,
      { path, reason: "unusable", cause: error },
    );
  });
  const open = async (): Promise<Level> => {
    const level: Level = new Library(path, { keyEncoding: "view", valueEncoding: "view" });
    await level.open();
    return level;
  };
  try {
    return await open();
  } catch (error) {
    if (codeOf(error) === "LEVEL_LOCKED") throw inUse(path, error);
    // A file is torn: what is whole in the others is worth having.
    await Library.repair(path).catch(() => {});
    return await open().catch((again: unknown) => {
      throw unusable(path, "cannot be opened", again);
    });
  }
}

/** What is somebody else's is not touched. @throws CheckpointError */
async function checkFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return;
  const names = found.isDirectory() ? await readdir(path).catch(() => []) : undefined;
  const stranger = names?.find((name) => !OURS.test(name));
  if (names !== undefined && stranger === undefined) return;
  const what = names === undefined ? "is no folder" : `is a folder with other things in it, such as ${stranger}`;
  throw new CheckpointError(`The checkpoint ${path} cannot be used: it ${what}. Choose another name.`, {
    path,
    reason: "unusable",
  });
}

function inUse(path: string, cause: unknown): CheckpointError {
  return new CheckpointError(
    `The checkpoint ${path} is in use, by another process or by another map of this one. ` +
      "Wait until that has ended, or choose another name.",
    { path, reason: "in use", cause },
  );
}

function unusable(path: string, what: string, cause: unknown): CheckpointError {
  return new CheckpointError(`The checkpoint ${path} ${what}: ${reasonOf(cause)}. ${OTHERWISE}`, {
    path,
    reason: "unusable",
    cause,
  });
}

/** LevelDB says why in the cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

function codeOf(error: unknown): unknown {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return cause?.code ?? code;
}
