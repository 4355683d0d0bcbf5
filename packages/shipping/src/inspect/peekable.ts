import { types } from "node:util";
import { functionSource } from "@pydist/protocol";
import type * as Acorn from "acorn";
import { acorn } from "../analysis/parser.js";
import { children } from "../analysis/syntax.js";
import { Lru } from "../lru.js";
import type { TaskFunction } from "../task.js";

const answers = new Lru<string, string>(1000);

/**
 * Why it is not certain that a function can be stopped before its first step; "" where it is. V8 stops where it would
 * in a debugger, which is before the first statement, but not before what parameters do, and not before what the
 * class does that a function begins with.
 */
export function whyNotPeek(fn: TaskFunction): string {
  if (types.isProxy(fn)) return "it is a Proxy";
  const source = functionSource(fn);
  // Its methods could be read where it cannot.
  if (/^class\b/.test(source)) return "it is a class";
  const known = answers.get(source);
  if (known !== undefined) return known;
  const root = functionIn(source);
  // Not for good: where there is little stack, no text can be read.
  if (root === undefined) return "its text cannot be read";
  const why = whyNot(root, source);
  answers.set(source, why);
  return why;
}

function whyNot(root: Acorn.Function, source: string): string {
  if (root.generator) return "it is a generator";
  if (!root.params.every(isSimple)) return "its parameters have default values or patterns";
  if (source.includes("use asm")) return "it is asm.js";
  return hasClassStatement(root.body) ? "it declares a class" : "";
}

function isSimple(parameter: Acorn.Pattern): boolean {
  return parameter.type === "Identifier" || (parameter.type === "RestElement" && isSimple(parameter.argument));
}

/** Functions and arrows; methods and accessors; private ones. */
const wrappers = ["(%)", "({%})", "(class {%})"] as const;

function functionIn(source: string): Acorn.Function | undefined {
  for (const wrapper of wrappers) {
    try {
      // Inside a function new.target means something. Whatever is strict code is sloppy code, too.
      const text = `function f() { ${wrapper.replace("%", () => `${source}\n`)} }`;
      const { body } = acorn().parse(text, {
        ecmaVersion: "latest",
        allowImportExportEverywhere: true,
        checkPrivateFields: false,
        allowSuperOutsideMethod: true,
      });
      const found = functionOf(body[0]);
      if (found !== undefined) return found;
    } catch {
      // Then it is to be read another way.
    }
  }
  return undefined;
}

function functionOf(outer: Acorn.AnyNode | undefined): Acorn.Function | undefined {
  const statement = outer?.type === "FunctionDeclaration" ? outer.body.body.at(-1) : undefined;
  const expression = statement?.type === "ExpressionStatement" ? statement.expression : undefined;
  const member =
    expression?.type === "ObjectExpression"
      ? expression.properties[0]
      : expression?.type === "ClassExpression"
        ? expression.body.body[0]
        : undefined;
  const found = member === undefined ? expression : (member as Acorn.Property | Acorn.MethodDefinition).value;
  return found?.type === "FunctionExpression" || found?.type === "ArrowFunctionExpression" ? found : undefined;
}

function hasClassStatement(body: Acorn.AnyNode): boolean {
  const open: Acorn.AnyNode[] = [body];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === "ClassDeclaration") return true;
    // What is inside other functions does not run first.
    if (/Function|Class/.test(node.type)) continue;
    open.push(...(children(node) as Acorn.AnyNode[]));
  }
  return false;
}
