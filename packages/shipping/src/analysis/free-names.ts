import type * as Acorn from "acorn";
import type { Program } from "estree";
import { libraries } from "./libraries.js";
import type { ParsedFunction } from "./parse.js";

/** The names that a function uses and does not declare, each with its uses in order. */
export function freeNames({ program, root, strict }: ParsedFunction): Map<string, Acorn.Identifier[]> {
  // acorn and eslint-scope mean the same ESTree by two sets of types.
  const manager = libraries().scope.analyze(program as unknown as Program, {
    ecmaVersion: 2022,
    sourceType: "script",
    impliedStrict: strict,
    ignoreEval: true,
    fallback: "iteration",
  });
  const names = new Map<string, Acorn.Identifier[]>();
  for (const reference of manager.globalScope?.through ?? []) {
    const identifier = reference.identifier as unknown as Acorn.Identifier;
    // The computed name of a method is evaluated where the object is made, not in the function.
    if (identifier.start < root.start) continue;
    const uses = names.get(identifier.name);
    if (uses === undefined) names.set(identifier.name, [identifier]);
    else uses.push(identifier);
  }
  for (const uses of names.values()) uses.sort((a, b) => a.start - b.start);
  return names;
}
