import { type JobNode, JobServer, runJob } from "@pydist/work-server";
import { ClusterExecutor } from "pydist";
import { afterEach, describe, expect, it } from "vitest";
import { Summing } from "./summing.js";

const opened: ClusterExecutor[] = [];
afterEach(() => Promise.all(opened.splice(0).map((executor) => executor.shutdown({ cancelFutures: true }))));

function embedded(maxWorkers = 2): ClusterExecutor {
  const executor = new ClusterExecutor({ maxWorkers });
  opened.push(executor);
  return executor;
}

class Squares implements JobNode<string, number, { block: number; square: number }> {
  #told = "nothing";
  async init(told: string): Promise<void> {
    this.#told = told;
  }
  process(block: number): { block: number; square: number } {
    if (!this.#told.startsWith("for ")) throw new Error(`init was given ${this.#told}`);
    return { block, square: block ** 2 };
  }
}

describe("a job on this machine", () => {
  it("merges every block once, asks for a node's data once, and calls no two methods at the same time", async () => {
    const server = new Summing(200);
    await runJob(embedded(), server, Squares);
    expect([...server.merged].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(server.of("init")).toHaveLength(1);
    expect(server.of("lost")).toEqual([]);
    expect(server.most).toBe(1);
  });
});
