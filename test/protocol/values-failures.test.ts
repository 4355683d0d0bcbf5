import {
  decodeFailure,
  decodeValue,
  encodeFailure,
  encodeValue,
  NodeLostError,
  PydistError,
  registerErrorClass,
  SerializationError,
  ShippingError,
  TimeoutError,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { difference } from "./values-same.js";

function arrived(thrown: unknown, remote?: { node?: string }): unknown {
  const { kind, text, bytes } = encodeFailure(thrown);
  return decodeFailure(kind, bytes ?? new TextEncoder().encode(text), remote);
}

class HttpError extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`status ${status}`);
    this.name = "HttpError";
    this.status = status;
  }
  get isClientError(): boolean {
    return this.status < 500;
  }
}
class Unnamed extends RangeError {}
class MyTimeout extends TimeoutError {}

describe("errors", () => {
  it.each([Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError])(
    "%o keeps its class",
    (Class) => {
      const error = Object.assign(new Class("why", { cause: new Date(1) }), { code: "E_X", detail: { n: Number.NaN } });
      expect(difference(error, arrived(error))).toBeUndefined();
      expect(Object.prototype.toString.call(arrived(error))).toBe("[object Error]");
    },
  );

  it("keep their own stack, which names the file where they were thrown", () => {
    const error = new Error("here");
    expect((arrived(error) as Error).stack).toBe(error.stack);
    expect(error.stack).toContain("values-failures.test.ts");
  });

  it("keep nested causes, also in a circle", () => {
    const inner = new TypeError("inner");
    const outer = new Error("outer", { cause: inner });
    inner.cause = outer;
    const got = arrived(outer) as Error;
    expect(got.cause).toBeInstanceOf(TypeError);
    expect((got.cause as Error).cause).toBe(got);
  });

  it("keep the errors of an AggregateError", () => {
    const error = new AggregateError([new RangeError("a"), "b", new AggregateError([])], "all failed");
    expect(difference(error, arrived(error))).toBeUndefined();
  });

  it("from AbortSignals stay DOMExceptions", () => {
    const got = arrived(AbortSignal.abort().reason) as DOMException;
    expect(got).toBeInstanceOf(DOMException);
    expect([got.name, got.message, got.code]).toEqual(["AbortError", "This operation was aborted", 20]);
    expect((arrived(new DOMException("late", "TimeoutError")) as Error).name).toBe("TimeoutError");
  });

  it("of pydist keep class, code and fields", () => {
    const errors = [
      new NodeLostError("lost", { nodes: ["a", "b"], causes: ["exit", "silence"], attempts: 2, cause: new Error("c") }),
      new ShippingError("free", { path: "x", location: "file.js:1:2" }),
      new SerializationError("bad", { path: "args[0]" }),
    ];
    for (const error of errors) {
      expect(difference(error, arrived(error))).toBeUndefined();
      expect(arrived(error)).toBeInstanceOf(PydistError);
    }
  });

  it("of unknown classes become the nearest class that is known, with name and fields", () => {
    class Local extends Error {
      override name = "Local";
      extra = 1n;
    }
    const got = arrived(new Local("x")) as Local;
    expect(Object.getPrototypeOf(got)).toBe(Error.prototype);
    expect({ name: got.name, message: got.message, extra: got.extra }).toEqual({
      name: "Local",
      message: "x",
      extra: 1n,
    });
    // Without a name of its own, the name of its class is what remains of it.
    const unnamed = arrived(new Unnamed("y")) as Error;
    expect(unnamed).toBeInstanceOf(RangeError);
    expect(unnamed.name).toBe("Unnamed");
    const late = arrived(new MyTimeout("z")) as Error;
    expect(late).toBeInstanceOf(TimeoutError);
    expect(late).toHaveProperty("code", "PYDIST_E_TIMEOUT");
  });

  it("of registered classes get their prototype back", () => {
    expect((arrived(new HttpError(404)) as HttpError).isClientError).toBeUndefined();
    registerErrorClass(HttpError);
    const got = arrived(new HttpError(404)) as HttpError;
    expect(got).toBeInstanceOf(HttpError);
    expect([got.isClientError, got.status, got.name]).toEqual([true, 404, "HttpError"]);
  });

  it("cannot be registered without a name, over built-in ones or as something else", () => {
    expect(() => registerErrorClass(TypeError)).toThrow(/TypeError is built in/);
    expect(() => registerErrorClass(TimeoutError)).toThrow(/pydist's own/);
    expect(() => registerErrorClass(class extends Error {})).toThrow(/with a name/);
    expect(() => registerErrorClass(Date as never)).toThrow(/extends Error/);
  });

  it("travel inside values too, where fields that cannot are refused", () => {
    const value = [new HttpError(500), { e: new URIError("u") }];
    const { kind, bytes } = encodeValue(value, "result");
    const [first, second] = decodeValue(kind, bytes as Uint8Array) as [Error, { e: Error }];
    expect(first).toHaveProperty("status", 500);
    expect(second.e).toBeInstanceOf(URIError);
    const bad = Object.assign(new Error("x"), { request: () => 1 });
    expect(() => encodeValue(bad, "result")).toThrow("result.request: a function");
  });
});

describe("what a task throws", () => {
  it.each([undefined, null, 0, -0, "", "text", false, Number.NaN, 7n])("may be %o", (thrown) => {
    expect(Object.is(arrived(thrown), thrown)).toBe(true);
  });

  it("may be data", () => {
    const thrown = { status: 404, at: new Date(1) };
    expect(difference(thrown, arrived(thrown))).toBeUndefined();
  });

  it("loses only the fields that cannot travel", () => {
    const error = Object.assign(new TypeError("x"), {
      request: () => 1,
      config: { url: "/", retry: [() => 1], agent: new (class Agent {})() },
      when: Object.assign(new Date(1), { zone: "UTC" }),
      code: "E_NET",
    });
    Object.defineProperty(error, "broken", {
      enumerable: true,
      get() {
        throw new Error("no");
      },
    });
    const { name, message, ...fields } = arrived(error) as TypeError;
    expect([name, message]).toEqual(["TypeError", "x"]);
    expect(fields).toEqual({
      request: "[not sent: a function]",
      config: { url: "/", retry: ["[not sent: a function]"], agent: "[not sent: an instance of Agent]" },
      when: new Date(1),
      code: "E_NET",
      broken: "[not sent: a getter that threw]",
    });
  });

  it.each([
    ["a function", () => 1, "the thrown value: a function (() => 1)"],
    ["a symbol", Symbol("s"), "the thrown value: a symbol (Symbol(s))"],
    ["a promise", Promise.resolve(1), "the thrown value: a Promise"],
    [
      "an unreadable object",
      new Proxy(
        {},
        {
          getPrototypeOf() {
            throw new Error("no");
          },
        },
      ),
      "the thrown value: a value that cannot be read",
    ],
  ])("is described if it cannot travel: %s", (_, thrown, message) => {
    const got = arrived(thrown) as Error;
    expect(got).toBeInstanceOf(SerializationError);
    expect(got.message).toContain(message);
  });

  it("keeps the fields of an object that cannot travel as the cause", () => {
    class Problem {
      status = 404;
      retry = () => 1;
    }
    const got = arrived(new Problem()) as Error;
    expect(got).toBeInstanceOf(SerializationError);
    expect(got.message).toContain("an instance of Problem");
    expect(got.cause).toEqual({ status: 404, retry: "[not sent: a function]" });
  });

  it("never throws, whatever the error does when it is read", () => {
    const hostile = new Error("x");
    for (const key of ["stack", "name", "message", "cause"]) {
      Object.defineProperty(hostile, key, {
        get() {
          throw new Error("no");
        },
      });
    }
    expect(arrived(hostile)).toBeInstanceOf(Error);
    expect((arrived(hostile) as Error).cause).toBe("[not sent: a getter that threw]");
  });
});

describe("remote", () => {
  it("tells the node and the stack without showing among the fields", () => {
    const error = new Error("x");
    const got = arrived(error, { node: "n1" });
    expect(got).toHaveProperty("remote", { node: "n1", stack: error.stack });
    expect(Object.keys(got as object)).toEqual([]);
  });

  it("stays that of the node where the error was first thrown", () => {
    const inner = arrived(new Error("x"), { node: "deep" });
    expect(arrived(inner, { node: "near" })).toHaveProperty("remote.node", "deep");
  });

  it("is not put on values that are no errors, nor without being asked for", () => {
    expect(arrived({ a: 1 }, { node: "n1" })).toEqual({ a: 1 });
    expect(arrived(new Error("x"))).not.toHaveProperty("remote");
  });
});
