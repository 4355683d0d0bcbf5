import { types } from "node:util";
import { functionSource } from "@pydist/protocol";
import type * as Acorn from "acorn";
import { read } from "../analysis/read.js";
import { children, type FunctionSyntax } from "../analysis/syntax.js";
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
  try {
    const found = read(source, false);
    if (typeof found === "string") return unreadable;
    const why = whyNot(found.root as FunctionSyntax, source);
    answers.set(source, why);
    return why;
  } catch {
    // Not for good: where there is little stack, no text can be read.
    return unreadable;
  }
}

const unreadable = "its text cannot be read";

function whyNot(root: FunctionSyntax, source: string): string {
  if (root.generator) return "it is a generator";
  if (!root.params.every(isSimple)) return "its parameters have default values or patterns";
  if (source.includes("use asm")) return "it is asm.js";
  return hasClassStatement(root.body) ? "it declares a class" : "";
}

function isSimple(parameter: Acorn.Pattern): boolean {
  return parameter.type === "Identifier" || (parameter.type === "RestElement" && isSimple(parameter.argument));
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
