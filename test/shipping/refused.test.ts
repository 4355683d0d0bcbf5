import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SerializationError, ShippingError } from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { describe, expect, test } from "vitest";
import { fixture, thrownBy } from "./support.js";

const { functions } = await fixture<{ functions: Record<string, () => unknown> }>("refused.mjs");
const file = fileURLToPath(new URL("./fixtures/refused.mjs", import.meta.url));
const text = readFileSync(file, "utf8");

/** `at path:line:column` of what follows a mark in the fixture, and nothing of the path for what is on the same line. */
function at(mark: string): string {
  const before = text.slice(0, text.indexOf(`/*!${mark}*/`) + mark.length + 5).split("\n");
  return `at ${file}:${before.length}:${(before.at(-1) as string).length + 1}`;
}

const ofInstance =
  "Bind it to an instance of its class, object.method.bind(object), or call it on one: (...args) => object.method(...args). Methods of an object literal cannot travel so: write it as a class.";

// The whole message, but for where submit was called. What is in the function itself is told by its place in the file.
const messages: Record<string, string> = {
  userGlobal: `submit: function "userGlobal" uses the global "refusedApp" ${at("userGlobal")}, which this program has made. Put it into a variable, and use that: a node has only the globals of Node.`,
  nowhere: `submit: function "nowhere" uses "threshold" ${at("nowhere")}, which is declared nowhere. Declare it, or pass it as an argument.`,
  several: `submit: function "several" uses "threshold" ${at("several")}, ${besides("several", 12, 24)} and 1 more, which is declared nowhere. Declare it, or pass it as an argument.`,
  require: `submit: function "require" uses "require" ${at("require")}, which only a CommonJS module has. Import what it needs at the top of the file, or by await import(...) inside the function.`,
  moduleObject: `submit: function "moduleObject" uses "module" ${at("moduleObject")}, which only a CommonJS module has. Use what the module exports by its own name.`,
  directory: `submit: function "directory" uses "__dirname" ${at("directory")}, which only a CommonJS module has. Use import.meta.dirname.`,
  file: `submit: function "file" uses "__filename" ${at("file")}, which only a CommonJS module has. Use import.meta.filename.`,
  relativeImport:
    'submit: function "anonymous" imports "./lib.js" at 3:8 of its text, relative to a file, and no file has the function. Import packages and node: modules by name, or write the function in a module.',
  subpathImport:
    'submit: function "anonymous" imports "#lib" at 3:8 of its text, relative to a file, and no file has the function. Import packages and node: modules by name, or write the function in a module.',
  newTarget: `submit: function "target" uses new.target ${at("target")}, which is that of the function around it. Put it into a const outside of the function, and use that.`,
  thisArrow:
    "submit: function `(y) => this.x + y` cannot travel: the function > this is an instance of Point with the private member #secret, which no other object can be given. Say how it travels: registerType(Point, { name, pack, unpack }).",
  thisDefaults: `submit: function \`(y = 2) => /*!defaults*/this.v + y\` uses the "this" around it ${at("defaults")}, which cannot be read here: its parameters have default values or patterns. Put what you need of it into a const before, and use that.`,
  superArrow: `submit: function \`() => /*!superArrow*/super.toString()\` uses super ${at("superArrow")}, which is that of the method around it. Let a method of the class call it, and call that method here: this.method(...).`,
  method: `submit: function "norm" is a method that uses this ${at("norm")}, and a task is called without its object. Bind it: obj.norm.bind(obj); or wrap it: (...args) => obj.norm(...args).`,
  staticMethod: `submit: function "make" is a method that uses this ${at("make")}, and a task is called without its object. Bind it: obj.make.bind(obj); or wrap it: (...args) => obj.make(...args).`,
  methodOfWords: `submit: function "two words" is a method that uses this ${at("two words")}, and a task is called without its object. Bind it: obj["two words"].bind(obj); or wrap it: (...args) => obj["two words"](...args).`,
  methodOfSymbol: `submit: function "[Symbol.toPrimitive]" is a method that uses this ${at("toPrimitive")}, and a task is called without its object. Bind it: obj[Symbol.toPrimitive].bind(obj); or wrap it: (...args) => obj[Symbol.toPrimitive](...args).`,
  superMethod: `submit: function "above" is a method that uses super ${at("above")}, which is that of its object. ${ofInstance}`,
  privateName: `submit: function "private" uses #x ${at("private")} of a class that does not travel with it. Private members are reachable only inside their class: call a method on the class or an object of it, () => object.method(), in the place of a function of its own.`,
  privateMethod: `submit: function "#secret" is a method that uses this ${at("secret")}, and a task is called without its object. Write it as a function that takes the object as an argument.`,
  replacing: `submit: function "replacing" is declared ${at("replacing")} and gives its own name "replacing" another value. Put what changes into a variable of another name.`,
  again: `submit: function "again" is declared ${at("again")} and calls itself by the name "again", which stands for something else by now. Give the function and what replaced it different names.`,
  boundLiteral: `submit: function "bound hi" cannot travel: bound hi > bound is a method that uses super ${at("literal")}, which is that of its object. ${ofInstance}`,
  changedKey: `submit: function "changedKey" cannot travel: changedKey > Keyed is a class with a computed name that uses "key" ${at("key")}, ${besides("key", 16)}, which may have changed since. Declare "key" as a const.`,
  sharedUntold: `submit: function "sharedUntold" cannot travel: sharedUntold > set uses the variable "untold" ${at("setter")}, which another function changes that uses it ${at("next")}, and it cannot be told whether both mean the same one. Put it into an object that both use: const state = { untold }.`,
  windingWeak:
    'submit: function "windingWeak" reaches objects through so many WeakMaps, one behind the other, that they cannot all be followed. Use properties or a Map.',
  directEval: `submit: function "directEval" calls eval directly ${at("directEval")}, which hides what it uses. Use (0, eval)(text) or new Function(text), which see only globals.`,
  evalInside: `submit: function "evalInside" cannot travel: evalInside > inner calls eval directly ${at("inner")}, which hides what it uses. Use (0, eval)(text) or new Function(text), which see only globals.`,
  with: 'submit: function "anonymous" has a with statement at 3:1 of its text, which hides what it uses. Write the properties out: object.name. If a library made the function, make it inside of yours.',
  vitestImport:
    'submit: function "anonymous" imports "/src/lib.ts" at 3:8 of its text, a path that vitest put in place of what was written. Import it at the top of the file, and use that.',
  reached:
    'submit: function "reached" cannot travel: reached > helper > config.database.connection is a Socket, which belongs to this process. Make it inside the function, or capture what it is made from.',
  ownWire:
    'submit: function "ownWire" cannot travel: ownWire > wire is a Wire, which belongs to this process. Make it inside the function, or say how it travels: registerType(Wire, { name, pack, unpack }).',
  namelessWire:
    'submit: function "namelessWire" cannot travel: namelessWire > nameless is an object of an unnamed class, which belongs to this process. Make it inside the function, or say how it travels: registerType(Class, { name, pack, unpack }).',
  namelessPrivate:
    'submit: function "namelessPrivate" cannot travel: namelessPrivate > locked is an instance of an unnamed class with the private member #key, which no other object can be given. Say how it travels: registerType(Class, { name, pack, unpack }).',
  listed: 'submit: function "listed" cannot travel: listed > lists.rows[0].wait is a Promise. Await it before sending.',
  proxyInside:
    'submit: function "proxyInside" cannot travel: proxyInside > proxied is a Proxy, whose handler cannot travel. Capture the object behind it.',
  class:
    'submit: function "Point" is a class, and a task is called without new. Wrap it: (...args) => new Point(...args).',
  namelessClass:
    "submit: function `class {}` is a class, and a task is called without new. Wrap it: (...args) => new Class(...args).",
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
  native:
    'submit: function "get size" is native code without a place among the globals. Make it on the node: inside the function, from a global or by await import(...).',
  proxy: "submit: the function is a Proxy, whose handler cannot travel. Submit the function behind it.",
};

/** Further places of a name on the line of a mark, so many characters behind it. */
function besides(mark: string, ...behind: number[]): string {
  const [, row, column] = /:(\d+):(\d+)$/.exec(at(mark)) as unknown as [string, string, string];
  return behind.map((characters) => `${row}:${Number(column) + characters}`).join(", ");
}

describe("refused at submit, with what, where and what to do", () => {
  test("every function of the fixture has its message", () => {
    expect(Object.keys(functions)).toEqual(Object.keys(messages));
  });

  test.each(Object.entries(messages))("%s", (key, message) => {
    const error = thrownBy(() => ship(functions[key] as () => unknown)) as ShippingError;
    expect(error.message.replace(/ Called at .*$/, "")).toBe(message);
    expect(error).toBeInstanceOf(ShippingError);
    expect(error.code).toBe("PYDIST_E_SHIPPING");
    expect(message.endsWith(` ${error.remedy}`)).toBe(true);
  });
});

test("the error has the path to the obstacle, its cause, and the user's line that submitted", () => {
  const here = new Error("here").stack?.match(/refused\.test\.ts:(\d+)/)?.[1];
  const error = thrownBy(() => ship(functions.listed as () => unknown, "map")) as ShippingError;
  expect(error.path).toBe("listed > lists.rows[0].wait");
  expect(error.cause).toBeInstanceOf(SerializationError);
  expect(error.location).toMatch(new RegExp(`refused\\.test\\.ts:${Number(here) + 1}:\\d+$`));
  expect(error.message).toMatch(/^map: function "listed" cannot travel: /);
  expect(error.message.endsWith(` Called at ${error.location}.`)).toBe(true);
});

test("a place in what was compiled is told as it was written", () => {
  interface Longer {
    readonly than: string;
    readonly what: string;
  }
  const fn = (x: Longer["than"]) => /*here*/ refusedApp.name + x;
  const own = readFileSync(fileURLToPath(import.meta.url), "utf8");
  const before = own.slice(0, own.indexOf(`/*here${"*"}/`)).split("\n");
  const { message } = thrownBy(() => ship(fn));
  expect(message).toContain(`"refusedApp" at ${fileURLToPath(import.meta.url)}:${before.length}:`);
});

declare const refusedApp: { readonly name: string };

test("a refusal is not remembered: a global that was defined since is named as one", () => {
  const fn = new Function("return pydistLater") as () => unknown;
  expect(thrownBy(() => ship(fn)).message).toContain(
    'uses "pydistLater" at 3:8 of its text, which is declared nowhere',
  );
  Object.assign(globalThis, { pydistLater: 1 });
  expect(thrownBy(() => ship(fn)).message).toContain('uses the global "pydistLater" at 3:8 of its text');
});

test("a look at a proxy runs none of its traps", () => {
  const touched: unknown[] = [];
  const handler = new Proxy({}, { get: (_target, trap) => void touched.push(trap) });
  expect(() => ship(new Proxy(() => 1, handler))).toThrow("is a Proxy");
  const captured = new Proxy({}, handler);
  expect(() => ship(() => captured)).toThrow("captured is a Proxy");
  expect(touched).toEqual([]);
});

test.each([undefined, null, 1, "x => x", {}])("what is no function is a TypeError: %j", (value) => {
  expect(() => ship(value as unknown as () => unknown)).toThrow(TypeError);
});

test("a function nested deeper than the stack is refused, not a crash", () => {
  // V8 reads a chain of operators in a loop, whatever its length; the parser descends.
  const chain = (length: number) => new Function("x", `return ${Array(length).fill("x").join("+")}`) as () => unknown;
  expect(() => ship(chain(1000))).not.toThrow();
  const tooDeep = chain(50_000);
  const error = thrownBy(() => ship(tooDeep));
  expect(error.message).toMatch(/cannot be read: (?:it is nested too deeply|Not enough stack space)/);
});

test("a function with a file of data in its text is refused", () => {
  const fn = new Function(`return "${"x".repeat(5 * 1024 * 1024)}"`) as () => unknown;
  const { message } = thrownBy(() => ship(fn));
  expect(message).toMatch(/^Function "anonymous" has \d+ characters; 4194304 can travel\. /);
  expect(message).toMatch(
    /Pass the data in it as arguments, or read it from a file inside the function\. Called at .*refused\.test\.ts:\d+:\d+\.$/,
  );
});
