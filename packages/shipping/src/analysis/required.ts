import type * as Acorn from "acorn";
import { literalText } from "./free.js";
import { children, type Syntax } from "./syntax.js";

/** A module that a text asks for other than by import(), where it is written out. */
export interface Required {
  readonly node: Syntax;
  readonly specifier: string | undefined;
}

/** Names that vite puts in the place of import.meta. */
const metas: ReadonlySet<string> = new Set(["__vite_ssr_import_meta__"]);

/**
 * The modules that a text names in calls of `require`, `require.resolve`, `import.meta.resolve`, and of what
 * `createRequire` gives: by itself, or under a name.
 * @param hasRequire whether `require` is the one of its surroundings
 */
export function requiredBy(root: Syntax, source: string, hasRequire: boolean): Required[] {
  if (!/\brequire\b|\bcreateRequire\b|\bresolve\b/.test(source)) return [];
  const calls: Acorn.CallExpression[] = [];
  const names = new Set(hasRequire ? ["require"] : []);
  const open: Syntax[] = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const node = next as Acorn.AnyNode;
    if (node.type === "CallExpression") calls.push(node);
    const isNamed = node.type === "VariableDeclarator" && node.id.type === "Identifier" && createsRequire(node.init);
    if (isNamed) names.add((node.id as Acorn.Identifier).name);
    open.push(...children(node));
  }
  return calls
    .filter(({ callee }) => isRequire(callee, names) || resolves(callee, names))
    .map((node) => ({ node, specifier: literalText(node.arguments[0]) }))
    .sort((a, b) => a.node.start - b.node.start);
}

type Expression = Acorn.AnyNode | null | undefined;

function isRequire(node: Expression, names: ReadonlySet<string>): boolean {
  return (node?.type === "Identifier" && names.has(node.name)) || createsRequire(node);
}

function createsRequire(node: Expression): boolean {
  return node?.type === "CallExpression" && nameOf(node.callee) === "createRequire";
}

function nameOf(node: Acorn.AnyNode): string | undefined {
  const last = node.type === "MemberExpression" ? node.property : node;
  return last.type === "Identifier" ? last.name : undefined;
}

function resolves(node: Expression, names: ReadonlySet<string>): boolean {
  if (node?.type !== "MemberExpression" || nameOf(node) !== "resolve") return false;
  const { object } = node;
  if (object.type === "MetaProperty") return true;
  return isRequire(object, names) || (object.type === "Identifier" && metas.has(object.name));
}
