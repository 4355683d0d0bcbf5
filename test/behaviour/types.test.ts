import { ClusterExecutor, type Future, type MapResult } from "pydist";
import { afterAll, expect, expectTypeOf, it } from "vitest";

/* What compiles is checked by `npm run check`, which compiles this file; here it also runs. */
const executor = new ClusterExecutor({ maxWorkers: 1 });
afterAll(() => executor.shutdown());

it("results have the types of what the functions return", async () => {
  const product = executor.submit((a: number, b: number) => a * b, [6, 7]);
  expectTypeOf(product).toEqualTypeOf<Future<number>>();
  expectTypeOf(executor.submit(async () => "text")).toEqualTypeOf<Future<string>>();
  const lengths = executor.map((word: string) => word.length, ["a", "bc"]);
  expectTypeOf(lengths).toEqualTypeOf<MapResult<number>>();
  const zipped = executor.map((a: number, b: string) => `${a}${b}`, [1, 2], new Set(["x", "y"]), { chunksize: 1 });
  expectTypeOf(await zipped).toEqualTypeOf<string[]>();
  expect([await product, await lengths, await zipped]).toEqual([42, [1, 2], ["1x", "2y"]]);
});

/** Never called: each line must not compile. */
export function wrong(): void {
  // @ts-expect-error the second argument is missing
  void executor.submit((a: number, b: number) => a * b, [6]);
  // @ts-expect-error the arguments are missing
  void executor.submit((a: number) => a);
  // @ts-expect-error no number
  void executor.submit((a: number) => a, ["6"]);
  // @ts-expect-error there is no such option
  void executor.submit((a: number) => a, [6], { prio: 1 });
  // @ts-expect-error the items are no numbers
  void executor.map((a: number) => a, ["6"]);
  // @ts-expect-error one iterable is missing
  void executor.map((a: number, b: number) => a + b, [6]);
  // @ts-expect-error there is no such option
  void executor.map((a: number) => a, [6], { chunkSize: 3 });
  // @ts-expect-error the result is no string
  const text: Future<string> = executor.submit(() => 5);
  void text;
}
