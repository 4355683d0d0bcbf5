import type { ClusterExecutor, Future } from "pydist";

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** 0, 1, 2 ...; without a count, without end. */
export function* naturals(count = Number.POSITIVE_INFINITY): Generator<number> {
  for (let n = 0; n < count; n++) yield n;
}

/** Everything that an asynchronous iterable gives. */
export async function list<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}

/** As callers without types see it: they are the ones whose mistakes are told at the call. */
// biome-ignore lint/suspicious/noExplicitAny: wrong on purpose.
export function untyped(executor: ClusterExecutor): any {
  return executor;
}

/** What a rejected promise rejects with. */
export async function reasonOf(promise: PromiseLike<unknown>): Promise<unknown> {
  return await promise.then(
    (value) => {
      throw new Error(`It did not reject, but gave ${String(value)}.`);
    },
    (reason: unknown) => reason,
  );
}

/** Resolves with the warnings of this process as they come, once there are so many. */
export function warnings(count: number): Promise<string[]> {
  return new Promise((resolve) => {
    const messages: string[] = [];
    const listen = (warning: Error): void => {
      messages.push(warning.message);
      if (messages.length < count) return;
      process.off("warning", listen);
      resolve(messages);
    };
    process.on("warning", listen);
  });
}

type Named = Readonly<Record<string, Future<unknown>>>;

/** The names of futures, by identity: to an assertion all promises look equal. */
export function namesOf(futures: Iterable<Future<unknown>>, named: Named): string[] {
  const names = new Map(Object.entries(named).map(([name, future]) => [future, name]));
  return Array.from(futures, (future) => names.get(future) ?? "another");
}

/** What `wait` gave, by names. */
export function sortedOut(
  { done, notDone }: { done: Iterable<Future<unknown>>; notDone: Iterable<Future<unknown>> },
  named: Named,
): { done: string[]; notDone: string[] } {
  return { done: namesOf(done, named).sort(), notDone: namesOf(notDone, named).sort() };
}
