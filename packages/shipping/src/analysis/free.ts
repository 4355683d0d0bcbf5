import type * as Acorn from "acorn";
import type { Place } from "./scan.js";
import type { Reference } from "./scopes.js";
import type { Position } from "./syntax.js";

/** A name that a text uses and does not declare. */
export interface FreeName {
  readonly at: readonly Position[];
  /** Whether it is given a value anywhere: assigned, counted up, the target of a loop or a pattern, deleted. */
  readonly written: boolean;
  /** Whether a use is `typeof name`: then the text may ask whether there is such a name. */
  readonly asked: boolean;
  /** Members that follow the name at each use, as far as they are written out: `["task", "context"]`. Empty paths are uses as a whole. */
  readonly paths: readonly (readonly string[])[];
  /** Whether every use is `name(value, "text")`, as of esbuild's helper that keeps names. */
  readonly namesOnly: boolean;
}

export function freeName(references: readonly Reference[], at: (node: Acorn.Node) => Position): FreeName {
  const paths = new Map<string, readonly string[]>();
  for (const { place } of references) {
    const path = pathFrom(place);
    paths.set(path.join("."), path);
  }
  return {
    at: references.map(({ node }) => at(node)),
    written: references.some(({ kind }) => kind === "write"),
    asked: references.some(({ place }) => isTypeof(place)),
    paths: [...paths.values()],
    namesOnly: references.every(({ place }) => isNaming(callOf(place))),
  };
}

/** The members that are read of a name one after the other, without the last one if it is written. */
function pathFrom(place: Place): string[] {
  const path: string[] = [];
  let child = place;
  for (let up = place.outer; up !== undefined; up = up.outer) {
    const node = up.node as Acorn.AnyNode;
    const key = node.type === "MemberExpression" && node.object === child.node ? memberName(node) : undefined;
    if (key === undefined || up.role === "write") break;
    path.push(key);
    child = up;
  }
  return path;
}

/** The name of a member that is written out. */
export function memberName({ property, computed }: Acorn.MemberExpression): string | undefined {
  if (!computed) return property.type === "Identifier" ? property.name : undefined;
  return property.type === "Literal" && typeof property.value === "string" ? property.value : undefined;
}

function isTypeof({ outer }: Place): boolean {
  const node = outer?.node as Acorn.AnyNode | undefined;
  return node?.type === "UnaryExpression" && node.operator === "typeof";
}

/** The call whose callee a place is. */
export function callOf({ node, outer }: Place): Acorn.CallExpression | undefined {
  const around = outer?.node as Acorn.AnyNode | undefined;
  return around?.type === "CallExpression" && around.callee === node ? around : undefined;
}

function isNaming(call: Acorn.CallExpression | undefined): boolean {
  const label = call?.arguments[1];
  return call?.arguments.length === 2 && label?.type === "Literal" && typeof label.value === "string";
}

/** The text that an expression always gives, of a string or a template without holes. */
export function literalText(node: Acorn.AnyNode | undefined): string | undefined {
  if (node?.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node?.type === "TemplateLiteral" && node.quasis.length === 1) return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}
