import type * as Acorn from "acorn";
import { type FreeName, freeName } from "./free.js";
import type { Place } from "./scan.js";
import type { Reference } from "./scopes.js";
import type { Position } from "./syntax.js";

/** What a text does with the `arguments` of the function around it. */
export interface ArgumentsUse extends Pick<FreeName, "at"> {
  /** Whether the word itself is given a value, as sloppy code can. */
  readonly assigned: boolean;
  /** Whether what they hold may change: written or deleted, or handed to code that may do so. */
  readonly written: boolean;
  /** Whether the text asks for `arguments.callee`. */
  readonly callee: boolean;
}

export function argumentsUse(references: readonly Reference[], at: (node: Acorn.Node) => Position): ArgumentsUse {
  const { at: positions, written, reads } = freeName(references, at);
  return {
    at: positions,
    assigned: written,
    written: !references.every(({ place }) => isOnlyRead(place)),
    callee: reads.some(([member]) => member === "callee"),
  };
}

/** Whether a use takes no more than values out of them. */
function isOnlyRead(place: Place): boolean {
  const { node, outer } = place;
  const around = outer?.node as Acorn.AnyNode | undefined;
  switch (around?.type) {
    case "MemberExpression":
      // Called, a member has them for its `this`.
      return outer?.role !== "write" && !isCallee(outer as Place);
    case "SpreadElement":
    case "UnaryExpression":
    case "BinaryExpression":
      return true;
    case "ForOfStatement":
      return around.right === node;
    case "VariableDeclarator":
      return around.id.type !== "Identifier";
    case "CallExpression":
      return isApplied(around, node);
    default:
      return false;
  }
}

function isCallee({ node, outer }: Place): boolean {
  const around = outer?.node as Acorn.AnyNode | undefined;
  if (around?.type === "ChainExpression") return isCallee(outer as Place);
  if (around?.type === "TaggedTemplateExpression") return around.tag === node;
  return around?.type === "CallExpression" && around.callee === node;
}

/** `f.apply(self, arguments)` hands on what is in them. */
function isApplied({ callee, arguments: args }: Acorn.CallExpression, node: Place["node"]): boolean {
  if (callee.type !== "MemberExpression" || callee.computed) return false;
  return callee.property.type === "Identifier" && callee.property.name === "apply" && args[1] === node;
}
