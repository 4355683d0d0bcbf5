import type * as Acorn from "acorn";
import type { Place } from "./scan.js";
import type { Reference } from "./scopes.js";
import type { Position, Syntax } from "./syntax.js";

/** A name that a text uses and does not declare. */
export interface FreeName {
  readonly at: readonly Position[];
  /** Whether it is given a value anywhere: assigned, counted up, the target of a loop or a pattern, deleted. */
  readonly written: boolean;
  /** Whether a use is `typeof name`: then the text may ask whether there is such a name. */
  readonly asked: boolean;
  /** Members that follow the name at each use, as far as they are written out: `["task", "context"]`. Empty paths are uses as a whole. */
  readonly paths: readonly (readonly string[])[];
  /** The same of what is read, to the last member: with what a pattern takes of it, `"name" in it`, and what `+=` reads. */
  readonly reads: readonly (readonly string[])[];
  /** Whether every use is `name(value, "text")`, as of esbuild's helper that keeps names. */
  readonly namesOnly: boolean;
}

export function freeName(references: readonly Reference[], at: (node: Acorn.Node) => Position): FreeName {
  const paths = new Map<string, readonly string[]>();
  const reads = new Map<string, readonly string[]>();
  for (const { place } of references) {
    const path = pathFrom(place);
    paths.set(path.join("."), path);
    for (const read of readsFrom(place)) reads.set(read.join("."), read);
  }
  return {
    at: references.map(({ node }) => at(node)),
    written: references.some(({ kind }) => kind === "write"),
    asked: references.some(({ place }) => isTypeof(place)),
    paths: [...paths.values()],
    reads: [...reads.values()],
    namesOnly: references.every(({ place }) => isNaming(callOf(place))),
  };
}

/** The members that are read of a name one after the other, without the last one if it is written. */
function pathFrom(place: Place): string[] {
  return walk(place, ({ role }) => role !== "write").path;
}

function walk(place: Place, isPart: (member: Place) => boolean): { readonly path: string[]; readonly end: Place } {
  const path: string[] = [];
  let end = place;
  for (let up = place.outer; up !== undefined; up = up.outer) {
    const node = up.node as Acorn.AnyNode;
    // What stands around `a?.b` is no step of its own.
    if (node.type === "ChainExpression") {
      end = up;
      continue;
    }
    const key = node.type === "MemberExpression" && node.object === end.node ? memberName(node) : undefined;
    if (key === undefined || !isPart(up)) break;
    path.push(key);
    end = up;
  }
  return { path, end };
}

function readsFrom(place: Place): string[][] {
  const { path, end } = walk(place, (member) => member.role !== "write" || readsFirst(member.outer?.node));
  const around = end.outer?.node as Acorn.AnyNode | undefined;
  if (around?.type === "BinaryExpression" && around.operator === "in" && around.right === end.node) {
    const key = literalText(around.left as Acorn.AnyNode);
    return [key === undefined ? path : [...path, key]];
  }
  const pattern =
    around?.type === "VariableDeclarator" && around.init === end.node
      ? around.id
      : around?.type === "AssignmentExpression" && around.right === end.node
        ? around.left
        : undefined;
  return pattern === undefined ? [path] : takenBy(pattern, path);
}

/** Whether what stands around a target also reads what the target was. */
function readsFirst(around: Syntax | undefined): boolean {
  const node = around as Acorn.AnyNode | undefined;
  return node?.type === "UpdateExpression" || (node?.type === "AssignmentExpression" && node.operator !== "=");
}

/** What a pattern takes of a value; the value as a whole where that is not written out. */
function takenBy(target: Acorn.Pattern, path: string[]): string[][] {
  const pattern = target.type === "AssignmentPattern" ? target.left : target;
  if (pattern.type !== "ObjectPattern") return [path];
  return pattern.properties.flatMap((property) => {
    if (property.type === "RestElement") return [path];
    const key = keyName(property);
    return key === undefined ? [path] : takenBy(property.value, [...path, key]);
  });
}

function keyName({ key, computed }: Acorn.AssignmentProperty): string | undefined {
  if (!computed && key.type === "Identifier") return key.name;
  return literalText(key);
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
