import workers from "node:worker_threads";
import { task } from "pydist";
import { Comm } from "./comm.js";
import type { FromRank, ToRank } from "./messages.js";
import { Messenger } from "./messenger.js";
import { Wire } from "./wire.js";

/** What a rank is to do once all are there. */
export type RankFunction = (comm: Comm, ...args: never[]) => unknown;

/** Who a rank is. */
export interface Place {
  readonly gang: string;
  readonly rank: number;
  readonly size: number;
}

/** The task that a rank is: it says that it has a slot, keeps it, and waits for the others before it calls the function. */
export async function takePart(
  { gang, rank, size }: Place,
  fn: RankFunction,
  args: readonly unknown[],
): Promise<unknown> {
  const context = task.context();
  const say = (message: FromRank): Promise<void> => context.send(message);
  const messenger = new Messenger(gang, rank, size, say);
  try {
    await say({ is: "ready", seat: { node: context.node, thread: workers.threadId } });
    const begin = (await context.receive()) as Extract<ToRank, { readonly is: "begin" }>;
    messenger.begin(begin.seats);
    void hear();
    const value = await fn(new Comm(new Wire(messenger, size, context)), ...(args as never[]));
    await messenger.flushed();
    return value;
  } finally {
    messenger.close();
  }

  async function hear(): Promise<void> {
    try {
      for (;;) messenger.heard((await context.receive()) as Exclude<ToRank, { readonly is: "begin" }>);
    } catch (error) {
      // The task is to stop, or is over.
      messenger.close(error);
    }
  }
}
