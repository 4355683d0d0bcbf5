import type * as Acorn from "acorn";
import type { Place } from "./scan.js";
import type { Reference } from "./scopes.js";

/** Where a free name stands and what becomes of it when the name is replaced by a member of an object. Offsets of the source. */
export interface Site {
  readonly start: number;
  readonly end: number;
  /**
   * `shorthand`: `{ n }` needs its key; `call`: the object must not become `this`; `delete`: of the whole `delete n`,
   * which does nothing to a variable.
   */
  readonly as: "plain" | "shorthand" | "call" | "delete";
  /** The call begins a statement, which may not begin with a bracket unless the one before has ended. */
  readonly opensStatement: boolean;
  /** A function or class without a name that gets this one because it is assigned to it. */
  readonly named: { readonly start: number; readonly end: number; readonly endsStatement: boolean } | undefined;
}

export function siteOf({ node, place }: Reference, offset: number): Site {
  const around = place.outer?.node as Acorn.AnyNode | undefined;
  const plain = { start: node.start - offset, end: node.end - offset, opensStatement: false, named: undefined };
  if (around?.type === "UnaryExpression" && around.operator === "delete") {
    return { ...plain, as: "delete", start: around.start - offset, end: around.end - offset };
  }
  if (
    (around?.type === "CallExpression" && around.callee === node) ||
    (around?.type === "TaggedTemplateExpression" && around.tag === node)
  ) {
    return { ...plain, as: "call", opensStatement: opensStatement(place) };
  }
  return { ...plain, as: isShorthand(place) ? "shorthand" : "plain", named: named(place, offset) };
}

function isShorthand({ node, outer }: Place): boolean {
  const around = outer?.node as Acorn.AnyNode | undefined;
  // In `{ n = fallback }` the name is the target; the default is an expression like any other.
  if (around?.type === "AssignmentPattern" && around.left !== node) return false;
  const owner = (around?.type === "AssignmentPattern" ? outer?.outer?.node : around) as Acorn.AnyNode | undefined;
  return owner?.type === "Property" && owner.shorthand;
}

const lists = new Set(["Program", "BlockStatement", "SwitchCase", "StaticBlock"]);

function opensStatement(place: Place): boolean {
  for (let up = place.outer; up?.node.start === place.node.start; up = up.outer) {
    if (up.node.type === "ExpressionStatement") return lists.has(up.outer?.node.type ?? "");
  }
  return false;
}

// The language names what is assigned to a plain name, and not what is assigned to a member.
function named({ node, outer }: Place, offset: number): Site["named"] {
  const around = outer?.node as Acorn.AnyNode | undefined;
  const isNaming =
    (around?.type === "AssignmentExpression" && naming.has(around.operator) && around.start === node.start) ||
    around?.type === "AssignmentPattern";
  if (!isNaming || outer === undefined || around.left !== node || !isAnonymous(around.right)) return undefined;
  const { start, end } = around.right;
  return { start: start - offset, end: end - offset, endsStatement: endsStatement(outer, end) };
}

const naming: ReadonlySet<string> = new Set(["=", "||=", "&&=", "??="]);

function isAnonymous(node: Acorn.Expression): boolean {
  if (node.type === "ArrowFunctionExpression") return true;
  return (node.type === "FunctionExpression" || node.type === "ClassExpression") && !node.id;
}

const statements = new Set(["ExpressionStatement", "ReturnStatement", "ThrowStatement", "PropertyDefinition"]);

// Nothing can follow the body of an arrow, so it may end a statement without a semicolon whatever the next line is.
function endsStatement(place: Place, end: number): boolean {
  for (let up: Place | undefined = place; up?.node.end === end; up = up.outer) {
    if (statements.has(up.node.type)) return true;
    if (up.node.type === "VariableDeclaration") return !(up.outer?.node.type ?? "").startsWith("For");
  }
  return false;
}
