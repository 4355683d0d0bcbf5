import { decodeValue, encodeGraph, encodeValue, openGraph } from "@pydist/protocol";
import { expect, it } from "vitest";
import { random } from "../support/random.js";
import { difference } from "./values-same.js";

const SEEDS = 400;

/** A value of everything that travels, with shared references and cycles. */
function randomValue(next: () => number): unknown {
  const made: object[] = [];
  const below = (n: number) => Math.floor(next() * n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const keys = ["a", "b", "a.b", "__proto__", "constructor", "0", "7", "", "\\", "ü"];
  const leaf = (): unknown =>
    pick<() => unknown>([
      () => below(1000) - 500,
      () => next() * 1e9,
      () => pick(["", "text", "\ud800", "\u2028", "\\.", "[not sent: x]"]),
      () => pick([null, true, false, undefined, Number.NaN, -0, Number.POSITIVE_INFINITY]),
      () => BigInt(below(1e9)) ** 3n,
      () => new Date(pick([0, 1e12, -1e13, Number.NaN])),
      () => new RegExp(pick(["a/b", "^$", ""]), pick(["", "gi", "u"])),
      () => new Uint8Array([1, 2, below(255)]),
      () => new Float64Array([next(), Number.NaN]),
      () => new ArrayBuffer(below(20)),
      () => new URL("https://example.com/?q=1"),
      () => Object(below(9)),
    ])();
  const put = (target: object, key: string, value: unknown) =>
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  const build = (depth: number): unknown => {
    if (made.length > 0 && next() < 0.1) return pick(made);
    if (depth === 0 || next() < 0.3) return leaf();
    const size = below(5);
    const inner = () => build(depth - 1);
    const container = pick<() => object>([
      () => [],
      () => ({}),
      () => Object.create(null) as object,
      () => new Map(),
      () => new Set(),
    ])();
    made.push(container);
    for (let i = 0; i < size; i++) {
      if (container instanceof Map) container.set(inner(), inner());
      else if (container instanceof Set) container.add(inner());
      else if (Array.isArray(container)) container[next() < 0.05 ? i + 2 : i] = inner();
      else put(container, pick(keys), inner());
    }
    return container;
  };
  return build(6);
}

it(`${SEEDS} random values arrive as they were`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const value = randomValue(random(seed));
    const { kind, text, bytes } = encodeValue(value, "value");
    const arrived = decodeValue(kind, bytes ?? new TextEncoder().encode(text));
    expect(difference(value, arrived), `seed ${seed}`).toBeUndefined();
    const reader = openGraph(encodeGraph(value, "value").bytes);
    for (let i = 0; i < 2; i++) expect(difference(value, reader.read().value), `seed ${seed}`).toBeUndefined();
  }
});
