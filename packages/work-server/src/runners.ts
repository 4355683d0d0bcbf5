import type { JobNodeClass } from "./job.js";

/** What comes back of a block, or null from a thread that has no instance yet. */
export type Answer<Result> = readonly [result: Result] | null;

/** How a block is run where nothing is known of the job, and where its thread has seen one of it. */
export interface Runners<Init, Data, Result> {
  readonly first: (job: string, init: Init, data: Data) => Promise<Answer<Result>>;
  readonly next: (job: string, data: Data) => Promise<Answer<Result>>;
}

/**
 * The functions that travel. They are made here, and not exported, so that they go by their texts: a node need not have this
 * package. An instance is kept by its thread, not by the class that each task brings anew; only the newest four are.
 */
export function makeRunners<Init, Data, Result>(
  NodeClass: JobNodeClass<Init, Data, Result>,
): Runners<Init, Data, Result> {
  return {
    first: async (job, init, data) => {
      const thread = globalThis as unknown as Record<symbol, Map<string, Promise<InstanceType<typeof NodeClass>>>>;
      const key = Symbol.for("@pydist/work-server");
      thread[key] ??= new Map();
      const jobs = thread[key];
      let node = jobs.get(job);
      if (node === undefined) {
        node = (async () => {
          const made = new NodeClass();
          await made.init?.(init);
          return made;
        })();
        jobs.set(job, node);
        if (jobs.size > 4) jobs.delete(jobs.keys().next().value as string);
      }
      return [await (await node).process(data)];
    },
    next: async (job, data) => {
      const thread = globalThis as unknown as Record<symbol, Map<string, Promise<InstanceType<typeof NodeClass>>>>;
      const node = thread[Symbol.for("@pydist/work-server")]?.get(job);
      if (node === undefined) return null;
      return [await (await node).process(data)];
    },
  };
}
