import { type Bodies, packBodies } from "@pydist/protocol";
import type { FoundTrees } from "@pydist/shipping/runtime";
import type { Done, RunReply, Texts } from "./messages.js";
import type { Run } from "./run.js";
import type { Thread } from "./thread.js";

/** A worker says at most so often that it lacks something for a run: texts, trees for them, and what those turn out to need. */
const MOST_ROUNDS = 5;

export interface RequestOptions {
  /** Id of the node, for errors. */
  readonly node: string;
  /** Tasks after which a thread is replaced. Default: never. */
  readonly maxTasksPerWorker?: number | undefined;
  /** Brings trees of files that code needs. Without it, none are to be had. */
  readonly trees?: (keys: readonly string[]) => Promise<FoundTrees>;
}

/** A run, and what it is given. */
export interface Assignment {
  readonly run: Run;
  readonly thread: Thread;
  readonly bodies: Bodies;
  readonly texts: Texts;
}

/** Has a thread carry out a run, with all that it turns out to lack. Rejects if the thread ends before. */
export async function request({ run, thread, bodies, texts }: Assignment, options: RequestOptions): Promise<Done> {
  const { node, maxTasksPerWorker: maxTasks = Number.POSITIVE_INFINITY } = options;
  const { lease, head, shared } = run;
  const ask = (trees: FoundTrees | undefined): Promise<RunReply> => {
    const given = thread.known.lacking(head, texts);
    const packed = packBodies(bodies);
    return thread.run({ lease, head, texts: given, trees, node, maxTasks, bodies: packed, shared: shared.memory });
  };
  let trees: FoundTrees | undefined;
  let reply = await ask(trees);
  for (let round = 0; reply.kind !== "done"; round++) {
    if (round === MOST_ROUNDS) throw new Error("a worker asked again and again for the same code");
    if (reply.kind === "needTexts") {
      // A thread that was replaced meanwhile has nothing, and one that has much forgets; it says so.
      thread.known.forget(head, reply.lacking);
    } else {
      run.fetching = true;
      trees = { ...trees, ...(await options.trees?.(reply.keys)) };
      run.fetching = false;
      // Nobody wants it any more.
      if (!run.waiting) return { kind: "done", thread: "fresh", last: undefined, said: 0 };
    }
    reply = await ask(trees);
  }
  thread.known.learnt(head);
  return reply;
}
