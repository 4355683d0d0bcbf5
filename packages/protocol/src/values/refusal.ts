import { functionSource } from "./function-source.js";
import { IDENTIFIER, memberStep } from "./path.js";
import { classNameOf, type Shape, tagOf } from "./shapes.js";

/** What a value is that cannot travel, and what to do instead. */
export interface Problem {
  readonly what: string;
  readonly remedy: string;
  /** The step from the value to the property of it that is meant, if it is only one property. */
  readonly step?: string;
  readonly cause?: unknown;
}

const REMEDIES: Readonly<Record<string, string>> = {
  Promise: "Await it before sending.",
  WeakMap: "What it holds cannot be listed: send a Map.",
  WeakSet: "What it holds cannot be listed: send a Set.",
  WeakRef: "Send the object that it refers to.",
  SharedArrayBuffer: "Memory is not shared between machines: send a copy, such as new Uint8Array(shared).slice().",
  Generator: "Collect it first: [...generator].",
  AsyncGenerator: "Collect its values into an array before sending.",
  Arguments: "Send an array: [...arguments].",
};

function article(name: string): string {
  return `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;
}

/** Names a value of a kind that never travels. */
export function problemOfKind(value: unknown): Problem {
  if (typeof value === "function") {
    const isClass = /^class\b/.test(functionSource(value));
    return {
      what: isClass ? "a class" : "a function",
      remedy: isClass ? inUse("Classes", "new Class(x)") : inUse("Functions", "f(x)"),
    };
  }
  if (typeof value !== "object" || value === null) {
    return { what: article(typeof value), remedy: "It means nothing in another process: send a string." };
  }
  const tag = value instanceof Promise ? "Promise" : tagOf(value);
  const remedy = Object.hasOwn(REMEDIES, tag) ? REMEDIES[tag] : undefined;
  if (remedy !== undefined) return { what: article(tag === "Arguments" ? "arguments object" : tag), remedy };
  if (/\bIterator\b/.test(tag)) return { what: "an iterator", remedy: "Collect it first: [...iterator]." };
  const name = classNameOf(value);
  if (name === "Object") return { what: "an object with a prototype of its own", remedy: `${PLAIN}, or ${CAPTURE}.` };
  const register = `say how it travels by ${registering(name)}`;
  return {
    what: `an instance of ${name || "an unnamed class"}`,
    remedy: `${PLAIN}; if the class is yours, ${register}, or ${CAPTURE}.`,
  };
}

/** A call that would teach the codec a class. */
export function registering(className: string): string {
  return `registerType(${IDENTIFIER.test(className) ? className : "Class"}, { name, pack, unpack })`;
}

const PLAIN = "Send plain data, such as { ...object }";
const CAPTURE = "have the submitted function capture it instead of being passed it";

/** What to do about what travels only as part of a function. */
function inUse(what: string, use: string): string {
  return `${what} are no data. Instead of passing it, have the submitted function capture it: (x) => ${use}; instead of returning it, return what it gives.`;
}

/** What keeps this one object, of a kind that does travel, from travelling. */
export function problemOfObject(object: object, shape: Shape): Problem | undefined {
  switch (shape) {
    case "view":
      return problemOfMemory((object as ArrayBufferView).buffer);
    case "buffer":
      return problemOfMemory(object as ArrayBuffer) ?? problemOfKeys(object);
    case "boxed":
    case "error":
      return undefined;
    case "object":
    case "null-object":
    case "array":
      return problemOfSymbols(object);
    default:
      return problemOfKeys(object) ?? problemOfSymbols(object);
  }
}

function problemOfMemory(buffer: ArrayBufferLike): Problem | undefined {
  if (tagOf(buffer) !== "ArrayBuffer") return { ...problemOfKind(buffer), what: `memory of ${article(tagOf(buffer))}` };
  if ((buffer as { resizable?: boolean }).resizable === true) {
    return { what: "a resizable ArrayBuffer", remedy: "It would arrive with a fixed size: send buffer.slice()." };
  }
  if (buffer.byteLength > 0) return undefined;
  try {
    new Uint8Array(buffer);
    return undefined;
  } catch (cause) {
    return { what: "a detached ArrayBuffer", remedy: "It was transferred away and holds nothing any more.", cause };
  }
}

function problemOfKeys(object: object): Problem | undefined {
  const [key] = Object.keys(object);
  if (key === undefined) return undefined;
  return {
    what: `a property added to ${article(tagOf(object))}`,
    remedy: "It would be lost: send it beside the value.",
    step: memberStep(key),
  };
}

function problemOfSymbols(object: object): Problem | undefined {
  const symbol = Object.getOwnPropertySymbols(object).find((key) =>
    Object.prototype.propertyIsEnumerable.call(object, key),
  );
  if (symbol === undefined) return undefined;
  return {
    what: "a property named by a symbol",
    step: `[${String(symbol)}]`,
    remedy: "Symbols mean nothing in another process: name it by a string.",
  };
}
