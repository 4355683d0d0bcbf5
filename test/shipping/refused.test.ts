import { ShippingError } from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { describe, expect, test } from "vitest";
import { fixture, thrownBy } from "./support.js";

const { functions } = await fixture<{ functions: Record<string, () => unknown> }>("refused.mjs");

// The whole message, but for where submit was called.
const messages: Record<string, string> = {
  one: 'submit: function "one" uses "threshold" (1:12) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "one"). Positions are line:column within the function.',
  several:
    'submit: function "score" uses "model" (2:19, 3:32), "threshold" (3:20) and "count" (3:47) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "score"). Positions are line:column within the function.',
  many: 'submit: function "many" uses "model" (1:8, 1:14, 1:29 and 1 more) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "many"). Positions are line:column within the function.',
  anonymous:
    'submit: function `(x) => x + threshold` uses "threshold" (1:12) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "name"). Positions are line:column within the function.',
  inDefault:
    'submit: function "inDefault" uses "threshold" (1:9) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "inDefault"). Positions are line:column within the function.',
  inInner:
    'submit: function "inInner" uses "model" (1:42) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "inInner"). Positions are line:column within the function.',
  typeOf:
    'submit: function "typeOf" uses "threshold" (1:14) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "typeOf"). Positions are line:column within the function.',
  imported:
    'submit: function "imported" uses "readFileSync" (1:11) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "imported"). Positions are line:column within the function.',
  itself:
    'submit: function "fact" uses "fact" (1:25) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "fact"). If "fact" is the function itself, write it as function fact(...) { ... }, which can call itself. Positions are line:column within the function.',
  userGlobal:
    'submit: function "userGlobal" uses the program\'s own global "refusedApp" (1:7) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "userGlobal"). A node has only the globals that Node itself defines. Positions are line:column within the function.',
  require:
    'submit: function "require" uses "require" (1:8) from outside itself, but only its own text travels. Use await import("node:fs") or await import("package") inside the function instead of require. Positions are line:column within the function.',
  moduleObject:
    'submit: function "moduleObject" uses "module" (1:7) from outside itself, but only its own text travels. Pass the values as arguments: a node has no such module. Positions are line:column within the function.',
  fileName:
    'submit: function "fileName" uses "__dirname" (1:7) and "__filename" (1:19) from outside itself, but only its own text travels. Pass the path or URL as an argument: the function runs without the file that it was written in. Positions are line:column within the function.',
  meta: 'submit: function "meta" uses import.meta (1:7) from outside itself, but only its own text travels. Pass the path or URL as an argument: the function runs without the file that it was written in. Positions are line:column within the function.',
  relativeImport:
    'submit: function "anonymous" imports "./lib.js" (3:8), which is relative to its own file. Import packages and node: modules by name, or move the function into a module and submit task(import.meta.url, "anonymous"). Positions are line:column within the function.',
  subpathImport:
    'submit: function "anonymous" imports "#lib" (3:8), which is relative to its own file. Import packages and node: modules by name, or move the function into a module and submit task(import.meta.url, "anonymous"). Positions are line:column within the function.',
  arguments:
    'submit: function "args" uses the surrounding "arguments" (1:7) from outside itself, but only its own text travels. Take the values as parameters of the function itself, such as (...values). Positions are line:column within the function.',
  newTarget:
    'submit: function "target" cannot be read: it uses the surrounding "new.target" (1:7). Move the function into a module and submit task(import.meta.url, "name").',
  thisArrow:
    'submit: function `(y) => this.x + y` uses the surrounding "this" (1:8) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "name"). Positions are line:column within the function.',
  superArrow:
    'submit: function `() => super.toString()` uses the surrounding "super" (1:7) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "name"). Positions are line:column within the function.',
  method:
    'submit: function "norm" uses the "this" of its object (2:12) from outside itself, but only its own text travels. A method travels without its object: submit a function that takes what it needs as arguments. Positions are line:column within the function.',
  superMethod:
    'submit: function "above" uses the "super" of its object (2:12) from outside itself, but only its own text travels. A method travels without its object: submit a function that takes what it needs as arguments. Positions are line:column within the function.',
  privateName:
    'submit: function "private" uses the "this" of its object (2:12) and the private name "#x" (2:17) from outside itself, but only its own text travels. A method travels without its object: submit a function that takes what it needs as arguments. Private members are reachable only inside their class: pass their values as arguments. Positions are line:column within the function.',
  directEval:
    'submit: function "directEval" calls eval directly (1:8), which hides what it uses. Use (0, eval)(text) or new Function(text), which see only globals. Positions are line:column within the function.',
  with: 'submit: function "anonymous" has a with statement (3:1), which hides what it uses. Write the properties out: object.name. Positions are line:column within the function.',
  nodeCrypto:
    'submit: function "nodeCrypto" uses "crypto" as imported from node:crypto (1:8) from outside itself, but only its own text travels. Import it inside the function: const crypto = await import("node:crypto"). Positions are line:column within the function.',
  timersPromises:
    'submit: function "timersPromises" uses "setTimeout" as imported from node:timers/promises (1:21) from outside itself, but only its own text travels. Import it inside the function: const { setTimeout } = await import("node:timers/promises"). Positions are line:column within the function.',
  vitest:
    'submit: function "anonymous" uses the import "mean" (3:11), a default import (3:45) and a whole imported module (3:81) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "anonymous"). Or import inside the function: await import("package"). Positions are line:column within the function.',
  vitestMeta:
    'submit: function "anonymous" uses import.meta (3:8) from outside itself, but only its own text travels. Pass the path or URL as an argument: the function runs without the file that it was written in. Positions are line:column within the function.',
  vitestImport:
    'submit: function "anonymous" imports "/src/lib.ts" (3:8), a path that vitest put in place of what was written. Move the function into a JavaScript module that the tests import, and submit task(url, name). Positions are line:column within the function.',
  esbuildCommonJs:
    'submit: function "anonymous" uses the import "mean" (3:12) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "anonymous"). Or import inside the function: await import("package"). Positions are line:column within the function.',
  istanbul:
    'submit: function "anonymous" uses the coverage counter "cov_1a2b3c" (3:1) from outside itself, but only its own text travels. Exclude the file from istanbul\'s coverage, or use the v8 provider, which leaves functions as they are. Positions are line:column within the function.',
  typescript:
    'submit: function "anonymous" uses the compiler\'s helper "__awaiter" (3:8) from outside itself, but only its own text travels. Compile for ES2022 or newer, so that the compiler needs no helpers. Positions are line:column within the function.',
  ownNameHelper:
    'submit: function "anonymous" uses "__name" (3:8) from outside itself, but only its own text travels. Pass what it needs as arguments, or move the function into a module and submit task(import.meta.url, "anonymous"). Positions are line:column within the function.',
  class:
    'submit: function "Point" is a class, and a task is called without new. Submit a function that holds the class and constructs it, or a task() reference to one.',
  globalClass:
    'submit: function "Map" is a class, and a task is called without new. Wrap it: (...args) => new Map(...args).',
  nodeClass:
    'submit: function "URL" is a class, and a task is called without new. Wrap it: (...args) => new URL(...args).',
  getter:
    'submit: function "get size" is a getter or setter, which works only on its object. Submit a function that takes the object as an argument.',
  generator:
    'submit: function "numbers" is a generator, whose result lives in the process that called it. Collect what it yields and return an array.',
  asyncGenerator:
    'submit: function "rows" is a generator, whose result lives in the process that called it. Collect what it yields and return an array.',
  bound:
    'submit: function "bound scale" is bound, and what it is bound to is not in its text. Submit the function that was bound, and pass what it was bound to as arguments.',
  native:
    'submit: function "call" is native code without a place among the globals. Submit a function that finds it on the node: through a global, a parameter or await import(...).',
  nodeGlobal:
    'submit: function "fetch" is Node\'s own, not text that could travel. Wrap it: (...args) => fetch(...args).',
  nodeNamespace:
    'submit: function "wrappedCwd" is Node\'s own, not text that could travel. Wrap it: (...args) => process.cwd(...args).',
  nodeModule:
    'submit: function "join" is Node\'s own, not text that could travel. Wrap it: async (...args) => (await import("node:path")).join(...args).',
  nodeWrapper:
    'submit: function "wrappedFn" is Node\'s own, not text that could travel. Wrap it: async (...args) => (await import("node:os")).hostname(...args).',
  proxy: "submit: the function is a Proxy, whose handler cannot travel. Submit the function behind it.",
};

describe("refused at submit, with what, where and what to do", () => {
  test("every function of the fixture has its message", () => {
    expect(Object.keys(functions)).toEqual(Object.keys(messages));
  });

  test.each(Object.entries(messages))("%s", (key, message) => {
    const error = thrownBy(() => ship(functions[key] as () => unknown)) as ShippingError;
    expect(error.message.replace(/ Called at .*$/, "")).toBe(message);
    expect(error).toBeInstanceOf(ShippingError);
    expect(error.code).toBe("PYDIST_E_SHIPPING");
    expect(message).toContain(error.remedy);
  });
});

test("the error names the variables, and the user's line that submitted", () => {
  const here = new Error("here").stack?.match(/refused\.test\.ts:(\d+)/)?.[1];
  const error = thrownBy(() => ship(functions.several as () => unknown, "map")) as ShippingError;
  expect(error.names).toEqual(["model", "threshold", "count"]);
  expect(error.location).toMatch(new RegExp(`refused\\.test\\.ts:${Number(here) + 1}:\\d+$`));
  expect(error.message).toMatch(/^map: function "score" uses /);
  expect(error.message.endsWith(` Called at ${error.location}.`)).toBe(true);
});

test("a refusal is not remembered: a global that was defined since is named as one", () => {
  const fn = new Function("return pydistLater") as () => unknown;
  expect(thrownBy(() => ship(fn)).message).toContain('uses "pydistLater"');
  Object.assign(globalThis, { pydistLater: 1 });
  expect(thrownBy(() => ship(fn)).message).toContain('the program\'s own global "pydistLater"');
});

test("a look at a proxy runs none of its traps", () => {
  const touched: unknown[] = [];
  const handler = new Proxy({}, { get: (_target, trap) => void touched.push(trap) });
  expect(() => ship(new Proxy(() => 1, handler))).toThrow("is a Proxy");
  expect(touched).toEqual([]);
});

test.each([undefined, null, 1, "x => x", {}])("what is no function is a TypeError: %j", (value) => {
  expect(() => ship(value as unknown as () => unknown)).toThrow(TypeError);
});

test("a function nested deeper than the stack is refused, not a crash", () => {
  // V8 reads a chain of operators in a loop, whatever its length; parser and scope analysis descend.
  const chain = (length: number) => new Function("x", `return ${Array(length).fill("x").join("+")}`) as () => unknown;
  expect(() => ship(chain(1000))).not.toThrow();
  const tooDeep = chain(50_000);
  const error = thrownBy(() => ship(tooDeep));
  expect(error.message).toMatch(/cannot be read: (?:it is nested too deeply|Not enough stack space)/);
});

describe("compiled by vitest itself", () => {
  test("import of a node: module works, as in plain JavaScript", () => {
    expect(ship(async () => (await import("node:os")).EOL).text).toContain("__vite_ssr_dynamic_import__");
  });

  test("an import of the test is named as it was written", () => {
    const error = thrownBy(() => ship(() => fixture("x"))) as ShippingError;
    expect(error.names).toEqual(["fixture"]);
    expect(error.message).toContain('uses the import "fixture" (');
  });
});
