import { asCompleted, ClusterExecutor, type Executor, Future, type MapResult, task, wait } from "pydist";
import { afterAll, expect, expectTypeOf, it } from "vitest";
import type * as tasks from "../fixtures/tasks.mjs";

/* What compiles is checked by `npm run check`, which compiles this file; here it also runs. */
const executor = new ClusterExecutor({ maxWorkers: 1 });
afterAll(() => executor.shutdown());
const fixtures = new URL("../fixtures/tasks.mjs", import.meta.url).href;

it("results have the types of what the functions return", async () => {
  const product = executor.submit((a: number, b: number) => a * b, [6, 7]);
  expectTypeOf(product).toEqualTypeOf<Future<number>>();
  expectTypeOf(executor.submit(async () => "text")).toEqualTypeOf<Future<string>>();
  expectTypeOf(executor.submit((n?: number) => n)).toEqualTypeOf<Future<number | undefined>>();
  expectTypeOf(executor.submit((...all: number[]) => all, [1, 2])).toEqualTypeOf<Future<number[]>>();
  const lengths = executor.map((word: string) => word.length, ["a", "bc"]);
  expectTypeOf(lengths).toEqualTypeOf<MapResult<number>>();
  const zipped = executor.map((a: number, b: string) => `${a}${b}`, [1, 2], new Set(["x", "y"]), { chunksize: 1 });
  expectTypeOf(await zipped).toEqualTypeOf<string[]>();
  expect([await product, await lengths, await zipped]).toEqual([42, [1, 2], ["1x", "2y"]]);
});

it("a map takes up to five iterables, synchronous or not, and its functions' parameters are their items", async () => {
  async function* words(): AsyncGenerator<string> {
    yield "a";
  }
  const five = executor.map((a, b, c, d, e) => [a, b, c, d, e] as const, [1], words(), "c", new Set([true]), [null]);
  expectTypeOf(await five).toEqualTypeOf<(readonly [number, string, string, boolean, null])[]>();
  expect(await five).toEqual([[1, "a", "c", true, null]]);
  expectTypeOf(executor.map(async (a: number, b: number, c: number) => a + b + c, [1], [2], [3])).toEqualTypeOf<
    MapResult<number>
  >();
  for await (const item of executor.map((n) => n > 1, Uint8Array.of(1))) expectTypeOf(item).toEqualTypeOf<boolean>();
});

it("references have the types of what they refer to", async () => {
  const later = task<typeof tasks.later>(fixtures, "later");
  expectTypeOf(executor.submit(later, [1, "x"])).toEqualTypeOf<Future<unknown>>();
  const digest = task<typeof tasks.digest>(fixtures, "digest");
  const digests = executor.map(digest, ["a", "b"]);
  expectTypeOf(digests).toEqualTypeOf<MapResult<string>>();
  expect(await digests).toHaveLength(2);
});

it("futures may stand in the places of arguments and items, and inside them", async () => {
  const two = executor.submit(() => 2);
  const sum = executor.submit((a: number, { b }: { b: number[] }) => a + (b[0] as number), [two, { b: [two] }]);
  expectTypeOf(sum).toEqualTypeOf<Future<number>>();
  const doubled = executor.map((n) => 2 * n, [two, 5]);
  expectTypeOf(doubled).toEqualTypeOf<MapResult<number>>();
  expect([await sum, await doubled]).toEqual([4, [4, 10]]);
});

it("wait and asCompleted give the futures that they were given", async () => {
  const [one, word] = [executor.submit(() => 1), executor.submit(() => "word")];
  const { done, notDone } = await wait([one, word], { timeout: 10_000, returnWhen: "ALL_COMPLETED" });
  expectTypeOf(done).toEqualTypeOf<Set<Future<number> | Future<string>>>();
  expectTypeOf(notDone).toEqualTypeOf<Set<Future<number> | Future<string>>>();
  const { value: first } = await asCompleted(new Set([one])).next();
  expectTypeOf(first).toEqualTypeOf<Future<number> | undefined>();
  expect(done.size).toBe(2);
});

it("an initializer's arguments are its own, and every executor is an Executor", async () => {
  const prepared = new ClusterExecutor({
    maxWorkers: 1,
    initializer: (name: string, count: number) => void Object.assign(globalThis, { prepared: name.repeat(count) }),
    initargs: ["a", 2],
  });
  const plain: ClusterExecutor = prepared;
  const any: Executor = plain as unknown as Executor;
  expectTypeOf(prepared.submit(() => 1)).toEqualTypeOf<Future<number>>();
  expect(any).toBe(prepared);
  await prepared.shutdown();
});

/** Never called: each line must not compile. */
export function wrong(): void {
  // @ts-expect-error the second argument is missing
  void executor.submit((a: number, b: number) => a * b, [6]);
  // @ts-expect-error one argument too many
  void executor.submit((a: number) => a, [6, 7]);
  // @ts-expect-error futures are made by submit
  void new Future<number>((resolve: (n: number) => void) => resolve(1));
  // @ts-expect-error ... not by Promise's ways
  void Future.resolve(1);
  // @ts-expect-error ... nor of several
  void Future.all([]);
  // @ts-expect-error the arguments are missing
  void executor.submit((a: number) => a);
  // @ts-expect-error no number
  void executor.submit((a: number) => a, ["6"]);
  // @ts-expect-error the arguments are no array
  void executor.submit((a: number) => a, 6);
  // @ts-expect-error there is no such option
  void executor.submit((a: number) => a, [6], { prio: 1 });
  // @ts-expect-error the priority is a number
  void executor.submit((a: number) => a, [6], { priority: "high" });
  // @ts-expect-error the signal is an AbortSignal, not its controller
  void executor.submit((a: number) => a, [6], { signal: new AbortController() });
  // @ts-expect-error retryOn says yes or no
  void executor.submit((a: number) => a, [6], { retries: 1, retryOn: () => "yes" });
  // @ts-expect-error the future gives no number
  void executor.submit((a: number) => a, [executor.submit(() => "6")]);
  // @ts-expect-error a promise is no future
  void executor.submit((a: number) => a, [Promise.resolve(6)]);
  // @ts-expect-error chunksize is an option of map
  void executor.submit((a: number) => a, [6], { chunksize: 1 });
  // @ts-expect-error the items are no numbers
  void executor.map((a: number) => a, ["6"]);
  // @ts-expect-error one iterable is missing
  void executor.map((a: number, b: number) => a + b, [6]);
  // @ts-expect-error there is no such option
  void executor.map((a: number) => a, [6], { chunkSize: 3 });
  // @ts-expect-error a bar, or a function
  void executor.map((a: number) => a, [6], { progress: "bar" });
  // @ts-expect-error the result is no string
  const text: Future<string> = executor.submit(() => 5);
  // @ts-expect-error the reference's function takes a number and a value
  void executor.submit(task<typeof tasks.later>(fixtures, "later"), ["1", 2]);
  // @ts-expect-error a promise is no future
  void wait([Promise.resolve(1)]);
  // @ts-expect-error there is no such moment
  void wait([executor.submit(() => 1)], { returnWhen: "SOMETIME" });
  // @ts-expect-error the initializer takes a string
  void new ClusterExecutor({ initializer: (name: string) => name, initargs: [1] });
  // @ts-expect-error there is no such option
  void new ClusterExecutor({ workers: 3 });
  void text;
}
