import { ClusterExecutor, type Future, type MapResult, type SubmitOptions } from "pydist";
import { expect, it } from "vitest";

/** xorshift32: the same seed gives the same program. */
function randomFrom(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % below;
  };
}

async function nap(milliseconds: number, outcome: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  if (outcome === 0) throw new Error("failed");
  return milliseconds;
}

async function read(map: MapResult<unknown>): Promise<void> {
  for (let over = false; !over; ) {
    over = await map.next().then(
      ({ done }) => done === true,
      () => false,
    );
  }
}

const ENDS: Readonly<Record<string, (executor: ClusterExecutor) => Promise<void>>> = {
  shutdown: (executor) => executor.shutdown(),
  "shutdown that cancels futures": (executor) => executor.shutdown({ cancelFutures: true }),
  terminateWorkers: (executor) => executor.terminateWorkers(),
};

it.each(Object.entries(ENDS).flatMap(([name, end]) => [1, 2, 3].map((seed) => [name, seed, end] as const)))(
  "whatever a program does before a %s, each of its tasks settles, and counts once (seed %d)",
  async (_name, seed, end) => {
    const random = randomFrom(seed);
    const executor = new ClusterExecutor({ maxWorkers: 2, abortGrace: 50 });
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const futures: Future<unknown>[] = [];
    const maps: MapResult<unknown>[] = [];
    const any = (): Future<unknown> => futures[random(futures.length)] as Future<unknown>;
    for (let i = 0; i < 400; i++) {
      const options: SubmitOptions = {
        priority: random(3),
        ...(random(3) === 0 ? { signal: (controllers[random(5)] as AbortController).signal } : {}),
        ...(random(4) === 0 ? { retries: random(3), retryOn: () => random(2) === 0 } : {}),
      };
      if (random(150) === 0) {
        const hang = (): never => {
          for (;;);
        };
        futures.push(executor.submit(hang, [], { ...options, timeout: 50 }));
      } else if (random(4) === 0 && futures.length > 0) {
        futures.push(
          executor.submit((given: unknown, own: unknown) => [given, own], [any(), { own: [any()] }], options),
        );
      } else futures.push(executor.submit(nap, [random(8), random(5)], options));
      if (random(6) === 0) any().cancel();
      if (random(6) === 0) any().abort(i);
      if (random(50) === 0) (controllers[random(5)] as AbortController).abort(i);
      if (random(30) === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      if (random(50) > 0) continue;
      const times = Array.from({ length: random(50) }, () => random(5));
      const outcomes = times.map(() => random(9));
      const { priority: _, ...others } = options;
      const limits = {
        chunksize: 1 + random(5),
        ordered: random(2) === 0,
        ...(random(3) === 0 ? { timeout: 20 } : {}),
      };
      const map = executor.map(nap, times, outcomes, { ...others, ...limits });
      maps.push(map);
      if (random(3) === 0) map.catch(() => {});
      else void read(map);
      const fate = random(3);
      if (fate === 0) map.abort("enough");
      else if (fate === 1) map.cancel();
    }
    if (random(2) === 0) await Promise.allSettled(futures);
    await end(executor);
    expect(futures.every((future) => future.done())).toBe(true);
    const { nodes, neverRan } = await executor.stats();
    const counted = nodes.reduce((sum, node) => sum + node.completed + node.failed, neverRan);
    expect(counted).toBe(maps.reduce((sum, map) => sum + map.done, futures.length));
    // Nobody else will ask what became of them.
    await Promise.allSettled(futures);
  },
);
