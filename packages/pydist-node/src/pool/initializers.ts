import { type BatchHeader, BrokenExecutorError, bodyAt, kindAt, unpackBodies } from "@pydist/protocol";
import { load, parseInitializer } from "@pydist/shipping/runtime";

/** Most executors whose initializer a thread remembers to have run. */
const MOST = 1000;
const ran = new Map<string, Promise<void>>();

/** Whether the initializer of this batch's executor, if it has one, has run on this thread or is running. */
export function hasInitialized({ executor, initializer }: BatchHeader): boolean {
  return initializer === undefined || ran.has(`${executor} ${initializer}`);
}

/**
 * Runs the initializer of a batch's executor, once on each thread.
 * @throws BrokenExecutorError, now and ever after, if it failed
 */
export async function initialize(
  { executor, initializer }: BatchHeader,
  text: string | undefined,
  node: string,
): Promise<void> {
  if (initializer === undefined) return;
  const key = `${executor} ${initializer}`;
  let running = ran.get(key);
  if (running === undefined) {
    running = call(text ?? "", node);
    ran.set(key, running);
    if (ran.size > MOST) ran.delete(ran.keys().next().value as string);
  }
  await running;
}

async function call(text: string, node: string): Promise<void> {
  try {
    const { code, args, captured } = parseInitializer(text);
    const program = await load(code, { node: `node ${node}` });
    const bound = program.bind(captured);
    const bodies = unpackBodies(Buffer.from(args, "base64"));
    const { fn } = bound;
    await fn(...bound.decodeArguments(kindAt(bodies, 0), bodyAt(bodies, 0)));
  } catch (cause) {
    throw new BrokenExecutorError(
      `The executor's initializer failed in a worker on node ${node}, so the executor can run no tasks: the cause says why.`,
      { cause },
    );
  }
}
