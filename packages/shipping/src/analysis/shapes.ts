import type * as Acorn from "acorn";
import type { Syntax } from "./syntax.js";

export type ClassNode = Acorn.ClassExpression | Acorn.ClassDeclaration;

/** Whether a block needs a scope of its own. */
export function declares(statements: readonly Syntax[]): boolean {
  return statements.some((each) => {
    let statement = each as Acorn.AnyNode;
    while (statement.type === "LabeledStatement") statement = statement.body;
    if (statement.type === "VariableDeclaration") return statement.kind !== "var";
    return statement.type === "FunctionDeclaration" || statement.type === "ClassDeclaration";
  });
}

/** The private names of a class, without `#`. */
export function declaredPrivates(body: Acorn.ClassBody): Set<string> {
  const names = new Set<string>();
  for (const member of body.body) {
    if (member.type !== "StaticBlock" && member.key.type === "PrivateIdentifier") names.add(member.key.name);
  }
  return names;
}

/** Only names: no defaults, no patterns, no rest. */
export function hasSimpleParameters(node: Acorn.Function): boolean {
  return node.params.every(({ type }) => type === "Identifier");
}

/** Whether a function or script says `"use strict"` at its beginning. */
export function hasUseStrict({ body }: Acorn.Function | Acorn.Program): boolean {
  const statements = Array.isArray(body) ? body : body.type === "BlockStatement" ? body.body : [];
  for (const statement of statements) {
    if (statement.type !== "ExpressionStatement" || statement.directive === undefined) return false;
    if (statement.directive === "use strict") return true;
  }
  return false;
}

/** Whether what stands around a value only asks what it is. */
export function asksOnly(around: Syntax | undefined): boolean {
  const node = around as Acorn.AnyNode | undefined;
  if (node?.type === "UnaryExpression") return node.operator === "typeof";
  return node?.type === "BinaryExpression" && /^[=!]==?$/.test(node.operator);
}
