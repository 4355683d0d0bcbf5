import util from "node:util";
import { type Extra, functionSource } from "@pydist/protocol";
import { Kinds } from "../graph.js";
import type { View } from "./view.js";

/** Functions of node:util that give a function for a function, and the text that all of those have. */
const makers = (["promisify", "callbackify"] as const).map(
  (name) => [name, functionSource(util[name](async () => {}))] as const,
);

/** A user's function in the hands of Node: made again of the same function. */
export function lowerWrapped(view: View): Extra | undefined {
  const name = makers.find(([, text]) => text === view.source)?.[0];
  const seen = name === undefined ? undefined : view.seen.get("original");
  const original = seen?.kind === "value" ? seen.value : undefined;
  if (typeof original !== "function") return undefined;
  return { type: Kinds.Wrapped, parts: [name, original], step: () => " > original" };
}
