import { createHash } from "node:crypto";
import { type Code, ship } from "@pydist/shipping";
import { describe, expect, test } from "vitest";
import { type Case, fixture } from "./support.js";

const { cases } = await fixture<{ cases: Case[] }>("accepted.mjs");
const half = new Function("x", "return x / 2") as (x: number) => number;

describe("code is addressed by its content", () => {
  test("the hash of a given function is the same in every run and on every Node", () => {
    Object.defineProperty(half, "name", { value: "half" });
    expect(ship(half)).toEqual({
      name: "half",
      text: '{"form":"expression","helpers":{},"kind":"source","name":"half","source":"function anonymous(x\\n) {\\nreturn x / 2\\n}","strict":false}',
      hash: "c1862ce166ffd38c1c776733625bb4648020399564dd8fa622b8c5e79387b3f3",
    });
  });

  test("the hash is the SHA-256 of the text", () => {
    for (const { fn } of cases) {
      const { hash, text } = ship(fn);
      expect(hash).toBe(createHash("sha256").update(text).digest("hex"));
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

  test("properties of the function and a redefined toString do not matter", () => {
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
    expect((JSON.parse(ship(adorned).text) as Code & { source: string }).source).toBe(
      Function.prototype.toString.call(plain),
    );
  });
});

describe("shipping is remembered", () => {
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
    const [a, b] = [ship(sloppy), ship(strict)].map(({ text }) => JSON.parse(text) as { strict: boolean });
    expect([a?.strict, b?.strict]).toEqual([false, true]);
  });
});
