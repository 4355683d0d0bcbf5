import { createContext, runInContext } from "node:vm";
import { beforeEach, describe, expect, test } from "vitest";
import { type Binding, peek, peekWorks, sharesBinding } from "../../packages/shipping/dist/inspect/peek.js";
import { inspect } from "../../packages/shipping/dist/inspect/session.js";
import { fixture, thrownBy } from "./support.js";

type AnyFunction = (...args: unknown[]) => unknown;
type Counter = Record<"increment" | "read" | "generate" | "later" | "named" | "self", AnyFunction>;
type Look = (fn: AnyFunction) => void;

const made = await fixture<{
  runs: { count: number };
  Owner: (new () => Record<string, () => AnyFunction>) & { fixed: AnyFunction };
  Late: new (look: Look) => unknown;
  makeNew: new () => { arrow: AnyFunction };
  frozenThis(): AnyFunction;
  counter(start?: number): Counter;
  uninitialised(look: Look): unknown;
  constant(): AnyFunction[];
  awkward(): AnyFunction;
  taken(value: string): AnyFunction;
}>("inspect/peek.mjs");
const { runs, Owner, counter } = made;

beforeEach(() => {
  runs.count = 0;
});

/** No test lets a function run that is only looked at. */
function notRun(): void {
  expect(runs.count).toBe(0);
}

function binding(fn: AnyFunction, name: string): Binding {
  return peek(fn, { names: [name] }).bindings.get(name) as Binding;
}

test("peeking works here", () => {
  expect(peekWorks()).toBe(true);
});

describe("peek gives the this of", () => {
  const owner = new Owner();
  test.each(["arrow", "whole", "nested", "asynchronous", "withRest", "withInnerClass", "throwing"])(
    "an arrow: %s",
    (name) => {
      expect(peek((owner[name] as () => AnyFunction)(), { this: true }).this).toBe(owner);
      notRun();
    },
  );

  test("arrows in fields", () => {
    expect(peek(owner.field as unknown as AnyFunction, { this: true }).this).toBe(owner);
    expect(peek(Owner.fixed, { this: true }).this).toBe(Owner);
    notRun();
  });

  test("a frozen object, a primitive, null and undefined", () => {
    const frozen = Object.freeze({ is: "frozen" });
    for (const value of [frozen, 1, "text", null, undefined]) {
      expect(peek(made.frozenThis.call(value), { this: true }).this).toBe(value);
    }
    notRun();
  });

  test("an arrow in a constructor, once there is one", () => {
    let error: Error | undefined;
    let kept: AnyFunction | undefined;
    const late = new made.Late((fn) => {
      kept = fn;
      error = thrownBy(() => peek(fn, { this: true }));
    });
    expect(error).toBeInstanceOf(ReferenceError);
    expect(peek(kept as AnyFunction, { this: true }).this).toBe(late);
    notRun();
  });

  test("an arrow of another context", () => {
    const context = createContext({});
    const text = "(function () { let n = 1; return () => [this, n++]; }).call({ there: true })";
    const { this: self, bindings } = peek(runInContext(text, context) as AnyFunction, { this: true, names: ["n"] });
    expect(self).toEqual({ there: true });
    expect(bindings.get("n")?.get()).toBe(1);
    expect(Object.getOwnPropertyNames(context)).toEqual([]);
  });
});

describe("peek gives", () => {
  test("the new.target around an arrow", () => {
    expect(peek(new made.makeNew().arrow, { newTarget: true }).newTarget).toBe(made.makeNew);
    notRun();
  });

  test("only what is asked for", () => {
    expect(peek(new Owner().whole?.() as AnyFunction, {})).toEqual({
      this: undefined,
      newTarget: undefined,
      bindings: new Map(),
    });
    notRun();
  });

  test("variables that stay what they are: what one writes the other reads, also later", () => {
    const { increment, read } = counter(3);
    const count = binding(increment, "count");
    expect(count.get()).toBe(3);
    count.set(10);
    notRun();
    expect(increment()).toBe(11);
    expect([count.get(), binding(read, "count").get()]).toEqual([11, 11]);
  });

  test("the name that a function expression has for itself, which scopes do not show", () => {
    const { self } = counter();
    expect((binding(self, "self").get() as AnyFunction).name).toBe("self");
    notRun();
  });

  test("variables whatever else has names that we use", () => {
    const fn = made.awkward.call("this");
    const seen = peek(fn, { this: true, names: ["process", "Symbol", "globalThis", "eval_"] });
    expect([...seen.bindings.values()].map((one) => one.get())).toEqual(["p", "s", "g", 1]);
    expect(seen.this).toBe("this");
    notRun();
  });
});

describe("sharesBinding", () => {
  test("tells one variable from two that are equal, and leaves them as they are", () => {
    const [a, b] = [counter(), counter()];
    expect(sharesBinding(a.increment, a.read, "count")).toBe(true);
    expect(sharesBinding(a.increment, b.increment, "count")).toBe(false);
    expect(sharesBinding(a.increment, b.read, "count")).toBe(false);
    expect(sharesBinding(a.later, a.named, "count")).toBe(true);
    expect(sharesBinding(a.read, a.read, "count")).toBe(true);
    notRun();
    expect([a.read(), b.read(), a.increment(), a.read(), b.read()]).toEqual([0, 0, 1, 1, 0]);
  });

  test("of values that differ, or differ only in a sign", () => {
    const [a, b, c] = [counter(1), counter(0), counter(-0)];
    expect(sharesBinding(a.read, b.read, "count")).toBe(false);
    expect(sharesBinding(b.read, c.read, "count")).toBe(false);
    expect(Object.is(c.read(), -0)).toBe(true);
  });

  test("throws for constants and before there is a value, and changes nothing", () => {
    const [a, b] = made.constant() as [AnyFunction, AnyFunction];
    expect(thrownBy(() => sharesBinding(a, b, "fixed"))).toBeInstanceOf(TypeError);
    made.uninitialised((fn) => {
      expect(thrownBy(() => sharesBinding(fn, fn, "later"))).toBeInstanceOf(ReferenceError);
    });
    notRun();
  });
});

describe("peek refuses, and runs nothing,", () => {
  const owner = new Owner();
  const getter = Object.getOwnPropertyDescriptor(counter(), "current")?.get as AnyFunction;
  const { generate, read } = counter();
  const why = (fn: AnyFunction, names: string[] = []) => {
    const error = thrownBy(() => peek(fn, { this: true, names })) as Error & { reason?: string };
    notRun();
    return [error.name, error.reason, error.message];
  };
  const refusal = (reason: string) => ["CannotPeek", reason, `cannot look inside the function: ${reason}`];

  test.each<[string, AnyFunction | undefined, string]>([
    ["default values", owner.withDefault?.(), "its parameters have default values or patterns"],
    ["patterns", owner.withPattern?.(), "its parameters have default values or patterns"],
    ["a class in it, which V8 begins before it stops", owner.withClass?.(), "it declares a class"],
    ["generators", generate, "it is a generator"],
    ["classes", Owner as never, "it is a class"],
    ["bound functions", read.bind(1), "its text cannot be read"],
    ["native functions", Math.max as AnyFunction, "its text cannot be read"],
    ["proxies", new Proxy(read, { apply: () => runs.count++ }), "it is a Proxy"],
    ["asm.js", new Function('"use asm"; return {}') as AnyFunction, "it is asm.js"],
    ["a variable that has our name", made.taken("v"), "it has a variable __pydistPeek"],
  ])("%s", (_what, fn, reason) => {
    expect(why(fn as AnyFunction)).toEqual(refusal(reason));
  });

  test.each(["if", "this", "a b", "a=1", "", "1", "#x", "await", "let", "arguments", "__pydistPeekValue"])(
    "%j as the name of a variable",
    (name) => {
      expect(why(read, [name])).toEqual(refusal(`"${name}" is not the name of a variable`));
    },
  );

  test("but not getters and methods", () => {
    expect(binding(getter, "count").get()).toBe(0);
    expect(binding(counter().later, "count").get()).toBe(0);
    notRun();
  });
});

/** What a function may begin with: anything that runs is counted. */
const beginnings = `
o.g | h() | const x = o.g | const { g } = o | let [a] = o | for (; o.g; ) break | for (const k in o.f) {} | for (const k of o) {}
while (o.g) break | do { o.g } while (0) | if (o.g) {} | switch (o.g) {} | switch (1) { case o.g: } | try { o.g } catch {}
try {} finally { o.g } | label: o.g | { o.g } | throw o.g | return o.g | return h() | return [...o] | \`\${o}\` | +o | o.g++
new o.f | delete o.g.x | typeof o.g | ({ ...o }) | o.x = o.g | o[o] = 1 | function inner() {} o.g | var v = o.g | "use strict"; o.g
;o.g | {} o.g | if (true) o.g | let q; o.g | (class { static x = o.g }) | (class extends o.f {}) | return class extends o.f {}
debugger; o.g | h\`x\` | for (var i = o.g; i < 1; ); | for (o.x of o); | let { [o.g]: z } = o | eval("o.g") | new.target; o.g
await o.g | class A { static x = o.g } | class A extends o.f {} | { class A { static { o.g } } }`
  .split(/[|\n]/)
  .map((text) => text.trim())
  .filter((text) => text !== "");

test.each(beginnings)("nothing of %s runs, in whatever kind of function", (text) => {
  const count = { runs: 0 };
  const h = () => count.runs++;
  const o = {
    get g() {
      return h();
    },
    get f() {
      h();
      return class {};
    },
    [Symbol.iterator]() {
      h();
      return [][Symbol.iterator]();
    },
    [Symbol.toPrimitive]: h,
  };
  const kinds = ["function () {%}", "() => {%}", "async () => {%}", "async function () {%}", "function (a, ...b) {%}"];
  const texts = kinds.map((kind) => `(${kind.replace("%", () => text)})`);
  texts.push(`({ m() {${text}} }).m`, `(class { static m() {${text}} }).m`, `() => (${text.replace(/^return /, "")})`);
  let looks = 0;
  inspect(() => {
    for (const source of texts) {
      let fn: AnyFunction;
      try {
        fn = new Function("o", "h", `return ${source}`)(o, h) as AnyFunction;
      } catch {
        continue;
      }
      looks++;
      // As an expression a class is nothing special.
      if (text.includes("class A") && !source.includes("=> (")) {
        expect(thrownBy(() => peek(fn, {})).name).toBe("CannotPeek");
      } else {
        expect(peek(fn, {}).bindings.size).toBe(0);
      }
    }
  });
  expect(looks).toBeGreaterThan(0);
  expect(count.runs).toBe(0);
});
