import { type FunctionsCode, type FunctionText, type ShippedCode, sha256, ship } from "@pydist/shipping";
import { describe, expect, test } from "vitest";
import { type Case, fixture, loaded } from "./support.js";

const { cases } = await fixture<{ cases: Case[] }>("accepted.mjs");
const half = new Function("x", "return x / 2") as (x: number) => number;

/** The text of the function itself. */
function textOf({ text }: ShippedCode): FunctionText {
  return (JSON.parse(text) as FunctionsCode).texts[0] as FunctionText;
}

describe("code is addressed by its content", () => {
  test("the hash of a given function is the same in every run and on every Node", () => {
    Object.defineProperty(half, "name", { value: "half" });
    const { encodeArguments: _, ...shipped } = ship(half);
    expect(shipped).toEqual({
      name: "half",
      text: '{"asks":false,"files":{},"kind":"functions","modules":[],"packages":[],"texts":[{"early":0,"form":"expression","helpers":{},"name":"half","slots":[],"source":"function anonymous(x\\n) {\\nreturn x / 2\\n}","strict":false}]}',
      hash: "f1da0059343b30ca4f436f0130522b39fbca6d0ca7758d633312a7d219a29d7c",
    });
  });

  test("the hash is the SHA-256 of the text", () => {
    for (const { fn } of cases) {
      const { hash, text } = ship(fn);
      expect(hash).toBe(sha256(text));
    }
  });

  test("equal text is equal code, another name is another", () => {
    const make = () => (x: number) => x + 41;
    const [a, b] = [make(), make()];
    expect(a).not.toBe(b);
    expect(ship(a).hash).toBe(ship(b).hash);
    const named = make();
    Object.defineProperty(named, "name", { value: "plus" });
    expect(ship(named).hash).not.toBe(ship(a).hash);
    expect(ship(named).name).toBe("plus");
  });

  test("what a function sees is no part of its code, and has a hash of its own", () => {
    const make = (factor: number, list: number[]) => (x: number) => list.map((y) => x * y * factor);
    const [a, b, again] = [make(2, [1]), make(3, [1, 2]), make(2, [1])].map((fn) => ship(fn)) as [
      ShippedCode,
      ShippedCode,
      ShippedCode,
    ];
    expect(b.hash).toBe(a.hash);
    expect(b.captured?.hash).not.toBe(a.captured?.hash);
    expect(again.captured).toEqual(a.captured);
    for (const { captured } of [a, b]) expect(captured?.hash).toBe(sha256(captured?.bytes as Uint8Array));
    expect(a.text).not.toContain("factor:");
  });

  test("people see a name even where there is none", () => {
    expect(
      ship(
        (
          () => () =>
            1
        )(),
      ).name,
    ).toBe("anonymous");
    expect(ship(Math.max).name).toBe("max");
  });

  test("a redefined toString does not matter; it travels as the other properties do", () => {
    const plain = (
      () => () =>
        "same"
    )();
    const adorned = Object.assign(
      (
        () => () =>
          "same"
      )(),
      { toString: () => "lies", extra: 1 },
    );
    expect(textOf(ship(adorned)).source).toBe(Function.prototype.toString.call(plain));
  });
});

describe("shipping is remembered", () => {
  test("not where a function may have changed: what it sees, and its own properties", () => {
    let limit = 1;
    const seeing = () => limit;
    expect(loaded(ship(seeing))()).toBe(1);
    limit = 2;
    expect(loaded(ship(seeing))()).toBe(2);
    const counting = function counting(): unknown {
      return (counting as { start?: number }).start;
    };
    expect(loaded(ship(counting))()).toBeUndefined();
    Object.assign(counting, { start: 7 });
    expect(loaded(ship(counting))()).toBe(7);
  });

  test("for a function, and for its text", () => {
    const make = () => (x: number) => x * 43;
    const fn = make();
    const first = ship(fn);
    expect(ship(fn)).toBe(first);
    expect(ship(make())).toBe(first);
  });

  test("a sloppy and a strict function of one text are two codes", () => {
    const text = "return this === undefined";
    const sloppy = new Function(text) as () => unknown;
    const strict = new Function(
      `"use strict"; return ${Function(text).toString().replace("anonymous", "")}`,
    )() as () => unknown;
    Object.defineProperty(strict, "name", { value: "anonymous" });
    expect([sloppy, strict].map((fn) => textOf(ship(fn)).strict)).toEqual([false, true]);
  });
});
