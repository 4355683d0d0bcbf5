import { Readable } from "node:stream";
import { MessageChannel } from "node:worker_threads";
import { encodeValue, isPlain, SerializationError } from "@pydist/protocol";
import { describe, expect, it } from "vitest";

class Account {
  owner = "x";
}
class Names extends Map<string, string> {}
class Rows extends Array<number> {}
class Pixels extends Uint8Array {}

const detached = new ArrayBuffer(8);
const detachedView = new Uint8Array(detached);
structuredClone(detached, { transfer: [detached] });
const sharedMemory = new SharedArrayBuffer(8);

function* generate(): Generator<number> {
  yield 1;
}

// What each is called, from the path on.
const refusals: [value: unknown, text: string][] = [
  [
    () => 1,
    ": a function. Functions are no data. Instead of passing it, have the submitted function capture it: (x) => f(x); instead of returning it, return what it gives.",
  ],
  [
    Account,
    ": a class. Classes are no data. Instead of passing it, have the submitted function capture it: (x) => new Class(x); instead of returning it, return what it gives.",
  ],
  [async function named() {}, ": a function. "],
  [Symbol("s"), ": a symbol. "],
  [Symbol.for("s"), ": a symbol. "],
  [Promise.resolve(1), ": a Promise. Await it before sending."],
  [new WeakMap(), ": a WeakMap. "],
  [new WeakSet(), ": a WeakSet. "],
  [new WeakRef({}), ": a WeakRef. "],
  [sharedMemory, ": a SharedArrayBuffer. "],
  [new Uint8Array(sharedMemory), ": memory of a SharedArrayBuffer. "],
  [Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]), ": a resizable ArrayBuffer. "],
  [
    new Uint8Array(Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer),
    ": a resizable ArrayBuffer. ",
  ],
  [detached, ": a detached ArrayBuffer. "],
  [detachedView, ": a detached ArrayBuffer. "],
  [generate(), ": a Generator. "],
  [[1].values(), ": an iterator. "],
  [new Map().entries(), ": an iterator. "],
  [
    new Account(),
    ": an instance of Account. Send plain data, such as { ...object }; if the class is yours, say how it travels by registerType(Account, { name, pack, unpack }), or have the submitted function capture it instead of being passed it.",
  ],
  [
    new (class {})(),
    ": an instance of an unnamed class. Send plain data, such as { ...object }; if the class is yours, say how it travels by registerType(Class, { name, pack, unpack }), or",
  ],
  [
    Object.create({}),
    ": an object with a prototype of its own. Send plain data, such as { ...object }, or have the submitted function capture it instead of being passed it.",
  ],
  [new Names(), ": an instance of Names. "],
  [new Rows(), ": an instance of Rows. "],
  [new Pixels(1), ": an instance of Pixels. "],
  [Math, ": an object with a prototype of its own. "],
  [
    (function (..._: unknown[]) {
      // biome-ignore lint/complexity/noArguments: it is the value in question
      return arguments;
    })(1),
    ": an arguments object. ",
  ],
  [new Blob(["x"]), ": an instance of Blob. "],
  [Readable.from(["x"]), ": an instance of Readable. "],
  [new MessageChannel().port1, ": an instance of MessagePort. "],
  [new AbortController().signal, ": an instance of AbortSignal. "],
  [Object.assign(new Date(0), { zone: "UTC" }), ".zone: a property added to a Date. "],
  [Object.assign(new Map(), { extra: 1 }), ".extra: a property added to a Map. "],
  [Object.assign(new ArrayBuffer(1), { extra: 1 }), ".extra: a property added to an ArrayBuffer. "],
  [{ [Symbol("key")]: 1 }, "[Symbol(key)]: a property named by a symbol. "],
  [Object.assign([1], { [Symbol("key")]: 1 }), "[Symbol(key)]: a property named by a symbol. "],
  [
    {
      get broken() {
        throw new Error("no");
      },
    },
    ".broken: a getter that threw. ",
  ],
  [
    new Proxy(
      {},
      {
        ownKeys() {
          throw new Error("no");
        },
      },
    ),
    ": an unreadable object. ",
  ],
  [Object.create(Map.prototype), ": an unreadable object. "],
  [{ callback() {} }, ".callback: a function. "],
  // biome-ignore lint/suspicious/noThenProperty: thenables that are no promises are what this is about
  [{ then() {} }, ".then: a function. "],
];

// Where it lies, and what that place is called.
const bad = () => 1;
const key = { k: 1 };
const places: [value: unknown, path: string][] = [
  [bad, "args"],
  [[1, { callback: bad }], "args[1].callback"],
  [[{ a: { b: [0, 1, 2, bad] } }], "args[0].a.b[3]"],
  [[{ "not an identifier": bad }], 'args[0]["not an identifier"]'],
  [[{ "7": bad, ünder_$: 1 }], 'args[0]["7"]'],
  [[new Map([["k", bad]])], 'args[0].get("k")'],
  [[new Map([[7, [bad]]])], "args[0].get(7)[0]"],
  [
    [
      new Map<unknown, unknown>([
        [key, 1],
        [bad, 1],
      ]),
    ],
    "args[0].keys()[1]",
  ],
  [[new Map([[key, bad]])], "args[0].values()[0]"],
  [[new Set([1, { f: bad }])], "args[0].values()[1].f"],
  [[Object.assign(new Error("e"), { handler: bad })], "args[0].handler"],
  [[new Error("e", { cause: { deep: bad } })], "args[0].cause.deep"],
  [[new AggregateError([1, bad])], "args[0].errors[1]"],
  [[Object.assign([1, 2, bad], { length: 9 })], "args[0][2]"],
  [[Object.assign([1], { named: bad })], "args[0].named"],
  [[undefined, Number.NaN, new Date(0), { late: bad }], "args[3].late"],
];

function refusalOf(value: unknown, path: string): SerializationError {
  try {
    encodeValue(value, path);
  } catch (error) {
    if (error instanceof SerializationError) return error;
  }
  throw new Error("it was not refused with a SerializationError");
}

describe("what cannot travel is refused", () => {
  it.each(refusals.map(([value, text]) => [text, value] as const))("args[0]%s", (text, value) => {
    expect(isPlain(value)).toBe(false);
    expect(refusalOf([value], "args").message.slice(0, 7 + text.length)).toBe(`args[0]${text}`);
    expect(refusalOf([{ a: [value] }], "args").message.slice(0, 12 + text.length)).toBe(`args[0].a[0]${text}`);
  });

  it.each(places.map(([value, path]) => [path, value] as const))("at %s", (path, value) => {
    const error = refusalOf(value, "args");
    expect(error.path).toBe(path);
    expect(error.message.startsWith(`${path}: a function. `)).toBe(true);
  });

  it("with both ends of a path that is too long to read", () => {
    let list: unknown = bad;
    for (let i = 0; i < 20_000; i++) list = { next: list };
    const { path } = refusalOf(list, "args[0]");
    expect(path.startsWith("args[0].next.next")).toBe(true);
    expect(path).toContain("(19960 more)");
    expect(path.length).toBeLessThan(300);
  });

  it("with the getter's own error as the cause", () => {
    const cause = new RangeError("no");
    const value = {
      get broken() {
        throw cause;
      },
    };
    expect(refusalOf(value, "args").cause).toBe(cause);
  });
});
