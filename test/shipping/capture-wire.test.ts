import { ship } from "@pydist/shipping";
import { describe, expect, test } from "vitest";
import { fixture } from "./support.js";

type Fn = (...args: never[]) => unknown;
const { withData, withObject, alone, twice, withNothingMutable } = await fixture<{
  withData(data: unknown): Fn;
  withObject(object: object): Fn;
  alone: Fn;
  twice(): [Fn, Fn];
  withNothingMutable(x: number): Fn;
}>("capture/wire.mjs");

describe("code and data travel apart", () => {
  test("other data is the same code with another capture", () => {
    const [a, b, c] = [1, 2, 1].map((data) => ship(withData(data)));
    expect(b?.hash).toBe(a?.hash);
    expect(b?.text).toBe(a?.text);
    expect(b?.captured?.hash).not.toBe(a?.captured?.hash);
    expect(c?.captured?.hash).toBe(a?.captured?.hash);
    expect(c?.captured?.bytes).toEqual(a?.captured?.bytes);
  });

  test("data of any size and shape leaves the code as it is", () => {
    const large = { rows: Array.from({ length: 10_000 }, (_, i) => ({ i })), secret: "hunter2-hunter2" };
    const { text, hash, captured } = ship(withData(large));
    expect(hash).toBe(ship(withData(1)).hash);
    expect(text).not.toContain("hunter2");
    expect(captured?.bytes.length).toBeGreaterThan(50_000);
  });

  test("a function that sees nothing has no capture", () => {
    expect(ship(alone).captured).toBeUndefined();
  });

  test("what cannot change is shared by tasks, what can is made for each", () => {
    expect(ship(withNothingMutable(1)).captured?.state).toBe("shared");
    expect(ship(withObject({ a: 1 })).captured?.state).toBe("fresh");
    // It only reads what nothing else of the capture writes.
    expect(ship(twice()[0]).captured?.state).toBe("shared");
    expect(ship(twice()[1]).captured?.state).toBe("fresh");
  });
});

describe("at submit", () => {
  test("what is captured is copied: what changes later is the next submit's", () => {
    const object = { a: 1 };
    const fn = withObject(object);
    const first = ship(fn);
    const bytes = first.captured?.bytes.slice();
    object.a = 2;
    const second = ship(fn);
    expect(first.captured?.bytes).toEqual(bytes);
    expect(second.captured?.hash).not.toBe(first.captured?.hash);
    expect(second.hash).toBe(first.hash);
  });

  test("a variable that was assigned since is seen by the next submit", () => {
    const [read, up] = twice();
    const before = ship(read).captured?.hash;
    (up as () => void)();
    expect(ship(read).captured?.hash).not.toBe(before);
  });
});
