import {
  type Bodies,
  BodiesBuilder,
  bodyAt,
  byteLengthOf,
  countOf,
  decodeBodies,
  emptyBodies,
  encodeArguments,
  encodeFailure,
  encodeValue,
  kindAt,
  Outcome,
  outcomeAt,
  packBodies,
  repeatBody,
  SerializationError,
  sliceBodies,
  unpackBodies,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";

function bodiesOf(values: readonly unknown[]): Bodies {
  const builder = new BodiesBuilder();
  for (const value of values) builder.add(encodeValue(value, "value"));
  return builder.build();
}

const cases: [string, unknown[]][] = [
  ["numbers", [1, 2.5, -3]],
  ["text beyond ASCII", ["é", "数字", "\u{1f600}", "plain"]],
  ["what JSON cannot say", [undefined, Number.NaN, new Date(5), Float64Array.of(1, 2)]],
  ["plain and rich in turn", [[1], 2n, { a: "ü" }, undefined, "x"]],
  ["one large array", [new Uint8Array(100_000).fill(7)]],
  ["nothing", []],
];

describe.each(cases)("bodies of %s", (_name, values) => {
  it("decode to the values", () => {
    expect(decodeBodies(bodiesOf(values))).toStrictEqual(values);
  });

  it("are the same after packing, at any address", () => {
    const packed = packBodies(bodiesOf(values));
    for (const shift of [0, 1, 3]) {
      const moved = new Uint8Array(packed.length + shift);
      moved.set(packed, shift);
      expect(decodeBodies(unpackBodies(moved.subarray(shift)))).toStrictEqual(values);
    }
  });

  it("can be cut anywhere, and cut again", () => {
    const bodies = bodiesOf(values);
    for (let from = 0; from <= values.length; from++) {
      for (let to = from; to <= values.length; to++) {
        const part = sliceBodies(bodies, from, to);
        expect(countOf(part)).toBe(to - from);
        expect(part.bytes.length).toBe(byteLengthOf(bodies, from, to));
        expect(decodeBodies(part)).toStrictEqual(values.slice(from, to));
        expect(decodeBodies(sliceBodies(part, 0, Math.min(1, to - from)))).toStrictEqual(
          values.slice(from, Math.min(from + 1, to)),
        );
      }
    }
  });
});

describe("results", () => {
  it("keep their run times and outcomes, packed and cut", () => {
    const builder = new BodiesBuilder();
    builder.add(encodeValue("fine", "result"), 0, 1.5);
    builder.add(encodeFailure(new Error("bad")), Outcome.Failed, 2.5);
    const bodies = sliceBodies(unpackBodies(packBodies(builder.build(true))), 1, 2);
    expect([...(bodies.times ?? [])]).toEqual([2.5]);
    expect(outcomeAt(bodies, 0)).toBe(Outcome.Failed);
    expect(kindAt(bodies, 0)).toBe(encodeFailure(new Error("bad")).kind);
  });

  it("of cancelled tasks are empty", () => {
    const bodies = unpackBodies(packBodies(emptyBodies(3, Outcome.Cancelled)));
    expect([0, 1, 2].map((i) => [outcomeAt(bodies, i), bodyAt(bodies, i).length])).toEqual(
      Array(3).fill([Outcome.Cancelled, 0]),
    );
  });

  it("of a broken executor are failures all the same; broken alone is nothing", () => {
    const failed = repeatBody(encodeFailure(new Error("no database")), 2, Outcome.Failed | Outcome.Broken);
    expect(outcomeAt(unpackBodies(packBodies(failed)), 1)).toBe(Outcome.Failed | Outcome.Broken);
    expect(() => unpackBodies(packBodies(emptyBodies(1, Outcome.Broken)))).toThrow(SerializationError);
  });

  it("of tasks that were lost together are one error repeated", () => {
    const bodies = repeatBody(encodeFailure("gone"), 2, Outcome.Failed);
    expect([0, 1].map((i) => Buffer.from(bodyAt(bodies, i)).toString())).toEqual(['"gone"', '"gone"']);
  });
});

it("arguments are encoded as the array that they are", () => {
  for (const args of [[], [1], ["a", true, null], [1, 2, 3, 4], [Number.NaN], [[1], { a: 2 }], [undefined]]) {
    const builder = new BodiesBuilder();
    builder.add(encodeArguments(args));
    expect(decodeBodies(builder.build())).toStrictEqual([args]);
  }
  expect(() => encodeArguments([1, { f: () => 1 }])).toThrow("args[1].f");
});

describe("packed bytes that no correct peer sends are refused, never trusted", () => {
  const packed = packBodies(bodiesOf([1, "two", Number.NaN]));

  it("at every length", () => {
    for (let length = 0; length < packed.length; length++) {
      expect(() => unpackBodies(packed.subarray(0, length))).toThrow(SerializationError);
    }
  });

  it("whatever byte is wrong, the answer is bodies within bounds or an error", () => {
    for (let at = 0; at < packed.length; at++) {
      const wrong = packed.slice();
      wrong[at] = (wrong[at] as number) ^ 0xff;
      try {
        const bodies = unpackBodies(wrong);
        for (let i = 0; i < countOf(bodies); i++) expect(bodyAt(bodies, i).length).toBeLessThanOrEqual(packed.length);
        decodeBodies(bodies);
      } catch (error) {
        expect([SerializationError, SyntaxError].some((type) => error instanceof type)).toBe(true);
      }
    }
  });
});
