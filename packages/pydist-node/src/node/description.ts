import { availableParallelism, hostname } from "node:os";
import type { NodeDescription } from "@pydist/protocol";
import type { Standing } from "@pydist/scheduler";
import { VERSION } from "../version.js";

/** A node as `nodes()`, `tree --json` and `status --json` print it. */
export interface NodeInfo extends NodeDescription {
  /** Links below the node that was asked. */
  readonly depth: number;
  /** "draining": it runs nothing new; "drained": nor anything else; "leaving": it goes once what it holds is done. */
  readonly state: Standing;
  /** Runs under way on its workers now, for all executors. */
  readonly running: number;
  /** Tasks that began on its workers and wait for tasks of their own, without a slot. */
  readonly suspended: number;
  /** Tasks that wait here for a slot, its own or one below. */
  readonly queued: number;
  /** Calls that returned, and that threw, since the node started. */
  readonly completed: number;
  readonly failed: number;
  /** Milliseconds that its workers spent in calls. */
  readonly busyMs: number;
}

export interface Identity {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly workers: number;
  readonly tasksPerWorker: number;
  readonly allowExec: boolean;
}

export function describeNode(identity: Identity, address: string, parent: string | null): NodeDescription {
  const { id, name, pid, workers, tasksPerWorker, allowExec } = identity;
  return {
    id,
    name,
    address,
    parent,
    workers,
    slots: workers * tasksPerWorker,
    os: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    version: VERSION,
    pid,
    host: hostname(),
    allowExec,
  };
}

/** Worker threads of a node unless told otherwise: one for each core that this process may use. */
export function defaultWorkers(): number {
  return availableParallelism();
}

/** Gives what nodes answered of themselves its shape: depths from the parents named, those above first. */
export function toNodeInfos(answers: readonly unknown[]): NodeInfo[] {
  const raw = answers.filter((answer): answer is NodeInfo => typeof answer === "object" && answer !== null);
  const parents = new Map(raw.map((node) => [node.id, node.parent]));
  const depthOf = (id: string): number => {
    let depth = 0;
    for (let up = parents.get(id); up != null && parents.has(up) && depth <= raw.length; up = parents.get(up)) depth++;
    return depth;
  };
  return raw
    .map((node) => ({ ...node, depth: depthOf(node.id), state: node.state ?? "ready" }))
    .sort((a, b) => a.depth - b.depth);
}
