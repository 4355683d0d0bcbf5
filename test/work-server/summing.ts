import { JobServer } from "@pydist/work-server";

/** What a job's methods were called with, in order. */
export type Call = readonly [method: "init" | "next" | "result" | "lost", node: string, value?: unknown];

/** Hands out the numbers below a limit, and takes the squares; writes down all that it is asked. */
export class Summing extends JobServer<string, number, { readonly block: number; readonly square: number }> {
  readonly calls: Call[] = [];
  readonly merged: number[] = [];
  readonly #blocks: number;
  #next = 0;
  #inside = 0;
  /** Most methods that ran at the same time. */
  most = 0;

  constructor(blocks: number) {
    super();
    this.#blocks = blocks;
  }

  override async initData(node: string): Promise<string> {
    this.calls.push(["init", node]);
    return this.#alone(`for ${node}`);
  }

  override async nextData(node: string): Promise<number | undefined> {
    const block = this.#next < this.#blocks ? this.#next++ : undefined;
    this.calls.push(["next", node, block]);
    return this.#alone(block);
  }

  override async processResult(node: string, { block, square }: { block: number; square: number }): Promise<void> {
    if (square !== block ** 2) throw new Error(`${block} squared is not ${square}`);
    this.calls.push(["result", node, block]);
    this.merged.push(block);
    await this.#alone(undefined);
  }

  override isDone(): boolean {
    return this.merged.length === this.#blocks;
  }

  override nodeLost(node: string): void {
    this.calls.push(["lost", node]);
  }

  /** Every method lets others have a turn, so that one that is called too early would be seen. */
  async #alone<T>(value: T): Promise<T> {
    this.#inside++;
    this.most = Math.max(this.most, this.#inside);
    await new Promise((resolve) => setImmediate(resolve));
    this.#inside--;
    return value;
  }

  of(method: Call[0]): Call[] {
    return this.calls.filter(([each]) => each === method);
  }
}
