import fs, { existsSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { ShippingError } from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { afterEach, describe, expect, test } from "vitest";
import { loaded, thrownBy } from "./support.js";

type Anything = (...args: never[]) => unknown;
/** What the program of these tests adds to globals. */
interface Added {
  readonly ownName: () => number;
}

const undo: (() => void)[] = [];
afterEach(() => {
  for (const back of undo.splice(0)) back();
});

function restoring(holder: object, key: string): void {
  const before = Object.getOwnPropertyDescriptor(holder, key);
  undo.push(() =>
    before === undefined ? Reflect.deleteProperty(holder, key) : Object.defineProperty(holder, key, before),
  );
}

/** Puts something in the place of a member of a global, until the test ends. */
function put(holder: object, key: string, value: unknown): void {
  restoring(holder, key);
  Object.defineProperty(holder, key, { value, configurable: true, writable: true });
}

function drop(holder: object, key: string): void {
  restoring(holder, key);
  Reflect.deleteProperty(holder, key);
}

const five = () => 5;

type Case = [name: string, change: () => void, fn: Anything];

const cases: Case[] = [
  ["Math.random", () => put(Math, "random", five), () => Math.random()],
  ["Math.random", () => put(Math, "random", five), () => Math?.random?.()],
  ["Math.ownName", () => put(Math, "ownName", 5), () => (Math as never as Added).ownName],
  [
    "Math.random",
    () => put(Math, "random", five),
    () => {
      const { random } = Math;
      return random();
    },
  ],
  ["Math.random", () => put(Math, "random", five), (key: "random") => Math[key]()],
  ["Math.ownName", () => put(Math, "ownName", five), () => Object.keys(Math)],
  ["Date.now", () => put(Date, "now", five), () => Date.now()],
  ["Array.isArray", () => drop(Array, "isArray"), () => Array.isArray?.([])],
  ["Array.prototype.at", () => put(Array.prototype, "at", five), () => Array.prototype.at.call([1], 0)],
  [
    "Object.prototype.ownName",
    () => put(Object.prototype, "ownName", five),
    () => (Object.prototype as never as Added).ownName(),
  ],
  ["Uint8Array.from", () => put(Object.getPrototypeOf(Uint8Array), "from", five), () => Uint8Array.from([1])],
  ["Buffer.concat", () => put(Buffer, "concat", five), () => Buffer.concat([])],
  ["crypto.randomUUID", () => put(crypto, "randomUUID", five), () => crypto.randomUUID()],
  ["performance.now", () => put(performance, "now", five), () => performance.now()],
  ["console.ownName", () => put(console, "ownName", five), () => (console as never as Added).ownName()],
  ["process.ownName", () => put(process, "ownName", 5), () => (process as never as Added).ownName],
  ["Error.captureStackTrace", () => put(Error, "captureStackTrace", five), () => Error.captureStackTrace({})],
  ["globalThis.ownName", () => put(globalThis, "ownName", 5), () => (globalThis as never as Added).ownName],
  ["globalThis.ownName", () => put(globalThis, "ownName", 5), () => "ownName" in globalThis],
  [
    "globalThis.ownName",
    () => put(globalThis, "ownName", 5),
    () => {
      (globalThis as never as { ownName: number }).ownName += 1;
    },
  ],
  ["global.ownName", () => put(globalThis, "ownName", 5), () => (global as never as Added).ownName],
  ["globalThis.Math.random", () => put(Math, "random", five), () => globalThis.Math.random()],
  ["globalThis.Math", () => put(globalThis, "Math", { random: five }), () => globalThis.Math.random()],
];

describe("a member of a global that the program has made or changed is refused", () => {
  test.each(cases)("%s (case %#)", (name, change, fn) => {
    // As it would be remembered.
    ship(fn);
    change();
    const error = thrownBy(() => ship(fn)) as ShippingError;
    expect(error).toBeInstanceOf(ShippingError);
    expect(error.message).toMatch(
      new RegExp(
        `^submit: function .* uses "${name}" at .*changed-globals\\.test\\.ts:\\d+:\\d+, which this program has`,
        "s",
      ),
    );
    expect(error.remedy).toBe("Put it into a variable of your own, and use that: a node has only what Node has.");
    for (const back of undo.splice(0)) back();
    expect(ship(fn).text).toBeDefined();
  });

  const around = { globalThis, Math };
  test("by another name", () => {
    put(globalThis, "ownName", 5);
    put(Math, "random", five);
    const { globalThis: g, Math: m } = around;
    expect(thrownBy(() => ship(() => (g as never as Added).ownName))?.message).toContain('"globalThis.ownName"');
    expect(thrownBy(() => ship(() => m.random()))?.message).toContain('"Math.random"');
  });

  test.each<[name: string, change: () => void, make: () => Anything]>([
    [
      "Math",
      () => put(Math, "random", five),
      () => {
        const tools = { Math };
        return () => tools.Math.random();
      },
    ],
    [
      "Date",
      () => put(Date, "now", five),
      () => {
        class Day extends Date {}
        return () => Day.now();
      },
    ],
    [
      "Uint8Array",
      () => put(Object.getPrototypeOf(Uint8Array), "from", five),
      () => {
        const kinds = [Uint8Array];
        return () => kinds[0]?.from([1]);
      },
    ],
  ])("reached by way of a value: %s", (name, change, make) => {
    const fn = make();
    expect(ship(fn).text).toBeDefined();
    change();
    const { message, remedy } = thrownBy(() => ship(fn)) as ShippingError;
    expect(message).toMatch(
      new RegExp(` > .* is ${name}, of which this program has made or changed "(random|now|from)"\\. Put`),
    );
    expect(remedy).toBe("Put it into a variable of your own, and use that: a node has only what Node has.");
  });

  test("a class that Node makes late, replaced before anybody asked for it", () => {
    put(globalThis, "CompressionStream", class CompressionStream {});
    const error = thrownBy(() => ship(() => new CompressionStream("gzip"))) as ShippingError;
    expect(error.message).toContain('uses the global "CompressionStream"');
    expect(error.remedy).toBe("Put the replacement into a variable of your own, and use that.");
  });
});

describe("what a node has as well is not asked for", () => {
  test.each<Case>([
    [
      "what is nowhere",
      () => {},
      () => [(globalThis as never as Partial<Added>).ownName?.(), typeof (global as never as Added).ownName],
    ],
    ["a method of console that a logger wraps", () => put(console, "log", five), () => console.log("text")],
    ["a method of process that a tool wraps", () => put(process, "exit", five), () => process.exit],
    ["settings of errors", () => put(Error, "stackTraceLimit", 5), () => Error.stackTraceLimit],
    ["how stacks are written", () => put(Error, "prepareStackTrace", five), () => Error.prepareStackTrace],
    ["another member", () => put(Math, "random", five), () => Math.max(1, 2)],
    [
      "one that is only written",
      () => put(globalThis, "ownName", 5),
      () => {
        (globalThis as never as { ownName: number }).ownName = 1;
      },
    ],
    ["what Node makes late", () => Reflect.get(globalThis, "DecompressionStream"), () => DecompressionStream],
  ])("%s", (_title, change, fn) => {
    change();
    expect(ship(fn).captured).toBeUndefined();
  });
});

describe("modules of Node", () => {
  test.each<[string, () => void, Anything]>([
    ["existsSync", () => put(fs, "existsSync", five), () => fs.existsSync("/")],
    ["promises.readFile", () => put(fs.promises, "readFile", five), () => fs.promises.readFile("/")],
    [
      "existsSync",
      () => put(fs, "existsSync", five),
      () => {
        const { existsSync: exists } = fs;
        return exists("/");
      },
    ],
  ])("a member that the program has changed is refused: %s (case %#)", (name, change, fn) => {
    expect(ship(fn).text).toBeDefined();
    change();
    const { message, remedy } = thrownBy(() => ship(fn)) as ShippingError;
    expect(message).toMatch(
      new RegExp(
        ` uses "\\w+\\.default\\.${name}" at .*changed-globals\\.test\\.ts:\\d+:\\d+, which this program has made or changed\\.`,
        "s",
      ),
    );
    expect(remedy).toBe("Put it into a variable of your own, and use that: a node has only what Node has.");
    for (const back of undo.splice(0)) back();
    expect(ship(fn).text).toBeDefined();
  });

  test("other members are not asked for", () => {
    put(fs, "existsSync", five);
    expect(ship(() => fs.readFileSync("/")).text).toBeDefined();
  });

  test("what Node was told to export in its place is the program's, and travels", () => {
    put(fs, "existsSync", () => "mine");
    syncBuiltinESMExports();
    undo.push(syncBuiltinESMExports);
    expect(loaded(ship(() => existsSync("/")))()).toBe("mine");
  });
});

test("a function that the program has put there travels as its own", () => {
  const own = () => "mine";
  put(Math, "random", own);
  put(String.prototype, "shout", own);
  put(console, "log", own);
  const { random } = Math;
  const { log } = console;
  const { shout } = String.prototype as never as { shout: () => string };
  expect(loaded(ship(() => [random(), shout(), log()]))()).toEqual(["mine", "mine", "mine"]);
});

test("what was there before stays Node's, whatever the program has put in its place", () => {
  const { max } = Math;
  put(Math, "max", five);
  expect(loaded(ship(() => max === undefined))).toBeTypeOf("function");
});

test("Function.prototype.toString of the program's own is not asked", () => {
  const [salt] = ["salt"];
  let asked = 0;
  put(Function.prototype, "toString", () => {
    asked++;
    return "() => 'something else'";
  });
  const { text } = ship(() => [salt, "mine"]);
  expect(asked).toBe(0);
  expect(text).toContain("mine");
});
