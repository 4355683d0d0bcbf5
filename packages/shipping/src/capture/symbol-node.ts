import type { Extra } from "@pydist/protocol";
import { Kinds } from "../graph.js";

const wellKnown = new Map<symbol, string>();
for (const name of Object.getOwnPropertyNames(Symbol)) {
  const value: unknown = Reflect.get(Symbol, name);
  if (typeof value === "symbol") wellKnown.set(value, name);
}

/** A symbol by what makes it the same elsewhere, if there is such a thing. */
export function symbolNode(value: symbol): Extra {
  const key = Symbol.keyFor(value);
  if (key !== undefined) return { type: Kinds.Symbol, parts: ["for", key] };
  const name = wellKnown.get(value);
  if (name !== undefined) return { type: Kinds.Symbol, parts: ["wellKnown", name] };
  return { type: Kinds.Symbol, parts: ["new", value.description] };
}
