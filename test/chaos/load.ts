import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClusterExecutor, type Future, NodeLostError, task, WorkerMemoryError } from "pydist";
import { expect } from "vitest";
import { folderOf } from "../support/folders.js";
import type * as tasks from "./fixtures/work.mjs";

const fixtures = new URL("./fixtures/work.mjs", import.meta.url).href;
const work = task<typeof tasks.work>(fixtures, "work");
const abort = task<typeof tasks.abort>(fixtures, "abort");
const exhaust = task<typeof tasks.exhaust>(fixtures, "exhaust");

/** Far more than a test of faults can use up: what is tested is that nothing is lost, not when the tree gives up. */
export const ENDLESS_ATTEMPTS = 1000;

/** Tasks that keep a ledger on the disk, in which a node that dies cannot take its entries along. */
export class Load {
  readonly #executor: ClusterExecutor;
  readonly #ledger = join(folderOf({}), "ledger");
  #given = 0;
  /** Tasks that settled, counted by the executor: each has to be told once. */
  #told = 0;

  constructor(executor: ClusterExecutor) {
    this.#executor = executor;
    writeFileSync(this.#ledger, "");
    executor.on("taskSettled", () => this.#told++);
  }

  /**
   * Runs so many tasks and checks every result.
   * @param pause milliseconds that each takes
   * @param settled told how many have settled
   * @returns milliseconds that it took
   */
  async wave(count: number, pause: number, settled?: (done: number) => void): Promise<number> {
    const started = performance.now();
    const first = this.#given;
    this.#given += count;
    let done = 0;
    const futures = Array.from({ length: count }, (_, i) => {
      const future = this.#executor.submit(work, [first + i, this.#ledger, pause]);
      if (settled !== undefined) future.addDoneCallback(() => settled(++done));
      return future;
    });
    const results = await Promise.all(futures);
    expect(results).toEqual(results.map((_, i) => (first + i) ** 2));
    return performance.now() - started;
  }

  /** A task that takes its thread along, but no other task. */
  async exhaust(): Promise<void> {
    const future: Future<never> = this.#executor.submit(exhaust, [this.#given++, this.#ledger]);
    await expect(future).rejects.toThrow(WorkerMemoryError);
  }

  /** A task that takes its node along, wherever it runs, and every task there with it. */
  async abort(): Promise<void> {
    const future: Future<never> = this.#executor.submit(abort, [this.#given++, this.#ledger], { attempts: 2 });
    await expect(future).rejects.toThrow(NodeLostError);
  }

  /** Every task has been run, and settled once. @returns how often a task was run more than once */
  check(): number {
    expect(this.#told).toBe(this.#given);
    const runs = new Array<number>(this.#given).fill(0);
    for (const line of readFileSync(this.#ledger, "utf8").trim().split("\n"))
      runs[Number(line)] = (runs[Number(line)] ?? 0) + 1;
    expect(runs.filter((times) => times === 0)).toEqual([]);
    expect(runs).toHaveLength(this.#given);
    return runs.filter((times) => times > 1).length;
  }
}
