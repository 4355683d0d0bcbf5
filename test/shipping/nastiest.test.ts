import { readdirSync, readFileSync } from "node:fs";
import { ShippingError } from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AnyFunction, type CaptureCase, sameElsewhere } from "./capturing.js";
import { Elsewhere, pack } from "./elsewhere.js";
import { expectRefusal, type RefusedCase, refusalOf, refused } from "./refusals.js";
import { fixture, thrownBy } from "./support.js";

/*
 * The twenty nastiest tests. Numbers 8, 14, 19 and 20 need programs of their own and stand in loaders.test.ts,
 * places.test.ts, capture-memory.test.ts and capture-stacks.test.ts, under titles that begin in the same way.
 */

type ByNumber<T> = Readonly<Record<string, readonly T[]>>;
interface Nastiest {
  readonly byNumber: ByNumber<CaptureCase>;
  readonly refusals: ByNumber<RefusedCase>;
  /** Gives a function to `use` before the variable that it sees is there. */
  early(use: (fn: AnyFunction) => unknown): unknown;
}
const modules = [await fixture<Nastiest>("capture/nastiest.mjs"), await fixture<Nastiest>("capture/nastiest.cjs")];
const { refusals, early } = modules[0] as Nastiest;
const others = await fixture<{ cases: RefusedCase[] }>("capture/refused.mjs");

const numbered = <T>(lists: ByNumber<T>[]) =>
  lists
    .flatMap((byNumber) => Object.entries(byNumber).flatMap(([n, cases]) => cases.map((each) => ({ n, ...each }))))
    .sort((a, b) => Number(a.n) - Number(b.n));
const accepted = numbered(modules.map(({ byNumber }) => byNumber));
const refusedOnes = numbered([refusals]);

let elsewhere: Elsewhere;
beforeAll(async () => {
  elsewhere = await Elsewhere.start({ packages: ["acorn", "eventemitter3"] });
});
afterAll(() => elsewhere.stop());

describe("elsewhere as here", () => {
  for (const example of accepted) {
    test(`nastiest ${example.n}: ${example.title}`, (ctx) => sameElsewhere(elsewhere, example, ctx));
  }

  test("nastiest 10: the package's text does not travel", () => {
    for (const { n, make } of accepted) {
      if (n !== "10") continue;
      const { text, captured } = ship(make() as AnyFunction);
      expect(text.length + (captured?.bytes.length ?? 0)).toBeLessThan(4000);
    }
  });
});

describe("refused, and no body runs", () => {
  for (const example of refusedOnes) {
    test(`nastiest ${example.n}: ${example.title}`, (ctx) => refused(elsewhere, example, ctx));
  }
});

test("nastiest 11: a function that is shipped before its variable is there", async (ctx) => {
  if (Number(process.versions.node.split(".")[0]) < 22) {
    ctx.skip("Node 20 does not tell a variable that is not there yet from an undefined one");
  }
  let error: Error | undefined;
  const [, after] = early((fn) => {
    error = thrownBy(() => ship(fn));
  }) as unknown[];
  expect(after).toBe(1);
  expect(error).toBeInstanceOf(ShippingError);
  expectRefusal(error as Error, { reach: [], names: ["laterConst"] });
});

test("nastiest 11: it may be shipped once the variable is there", async () => {
  const kept: AnyFunction[] = [];
  early((fn) => kept.push(fn));
  expect((await elsewhere.run(pack(ship(kept[0] as AnyFunction)))).value).toBe(1);
});

// The kinds that the list names; capture-refused.test.ts has all of them.
const kinds = ["direct eval", "a global of the user's", "a proxy of an object", "a proxy of a function", "a socket"];
const moreKinds = ["a generator under way", "a TextDecoder", "shared memory", "a WebAssembly module"];

test.each([...kinds, ...moreKinds])("nastiest 18: %s is refused with its path, and nothing was sent", (title) => {
  const example = others.cases.find((each) => each.title === title) as RefusedCase;
  const error = refusalOf(example);
  if (error === undefined) throw new Error("it was accepted");
  expectRefusal(error, example);
});

test("every one of the twenty has its test", () => {
  const texts = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(`${import.meta.dirname}/${name}`, "utf8"))
    .join("\n");
  const found = [...texts.matchAll(/["`]nastiest (\d+):/g)].map(([, n]) => n as string);
  const all = new Set([...found, ...accepted.map(({ n }) => n), ...refusedOnes.map(({ n }) => n)]);
  expect([...all].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`));
});
