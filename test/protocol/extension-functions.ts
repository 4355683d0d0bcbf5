import { decodeValue, type EncodedValue, type Extension, encodeValue } from "@pydist/protocol";

export { thrownBy } from "../support/thrown.js";

export type Fn = ((...args: never[]) => unknown) & Record<string, unknown>;
const own = new WeakMap<object, Record<string, unknown>>();

/** A function as the extension of these tests knows it: it has variables. */
export function fn(name: string, variables: Record<string, unknown> = {}): Fn {
  const made = Object.defineProperty(() => name, "name", { value: name }) as unknown as Fn;
  own.set(made, variables);
  return made;
}

/** A class that cannot be made before its superclass. */
export function subclass(name: string, base: unknown, statics: Record<string, unknown> = {}): Fn {
  const made = fn(name, statics);
  made.base = base;
  return made;
}

export function variablesOf(value: unknown): Record<string, unknown> {
  return own.get(value as object) as Record<string, unknown>;
}

/** What the extension was asked about. */
export const offered: unknown[] = [];

/** Knows functions, classes with superclasses, and symbols. */
export const extension: Extension = {
  lower(value, path) {
    offered.push(value);
    if (typeof value === "symbol") return { type: "symbol", parts: [value.description] };
    if (typeof value !== "function") return undefined;
    const { name } = value;
    if (name === "refused") throw new RangeError(`refused at ${path()}`);
    if (name === "unknown") return undefined;
    const variables = variablesOf(value);
    const names = Object.keys(variables);
    const base = (value as unknown as Fn).base;
    return {
      type: base === undefined ? "function" : "class",
      parts: [name, base, names, ...names.map((key) => variables[key])],
      ...(name === "plain" ? {} : { step: (i: number) => (i === 1 ? " extends" : ` variable ${names[i - 3]}`) }),
    };
  },
  create(type, parts) {
    if (type === "symbol") return Symbol(String(parts.get(0)));
    if (type === "bad create") throw new RangeError("bad create");
    if (type === "class") {
      const base = parts.get(1) as Fn;
      return subclass(`${String(parts.get(0))}<${base.name}`, base);
    }
    if (type !== "function" && type !== "bad fill") throw new RangeError(`no ${type}`);
    return fn(String(parts.get(0)));
  },
  fill(type, value, parts) {
    if (type === "bad fill") throw new RangeError("bad fill");
    if (type === "symbol") return;
    const names = parts.get(2) as string[];
    names.forEach((key, i) => {
      variablesOf(value)[key] = parts.get(i + 3);
    });
  },
};

export function back({ kind, text, bytes }: EncodedValue, known?: readonly unknown[]): unknown {
  return decodeValue(kind, bytes ?? new TextEncoder().encode(text), { extension, known });
}

export function trip(value: unknown): unknown {
  return back(encodeValue(value, "value", { extension }));
}
