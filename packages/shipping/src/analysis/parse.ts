import type * as Acorn from "acorn";
import { libraries } from "./libraries.js";
import { type FunctionSyntax, positionAt } from "./syntax.js";

/** What the text of a function turned out to be. */
export type Parsed =
  | ParsedFunction
  | { readonly kind: "class" }
  | { readonly kind: "accessor" }
  | { readonly kind: "generator" }
  | { readonly kind: "unreadable"; readonly reason: string };

export interface ParsedFunction {
  readonly kind: "function";
  readonly root: FunctionSyntax;
  readonly program: Acorn.Program;
  /** Where the function's text begins in the text that was parsed. */
  readonly offset: number;
  readonly form: "expression" | "method";
  readonly strict: boolean;
  /** The name of a method, where the text has an expression or a private name that means nothing elsewhere. */
  readonly key: { readonly kind: "plain" } | (Span & { readonly kind: "computed" | "private" });
}

interface Span {
  readonly start: number;
  readonly end: number;
}

type Wrapper = readonly ["(", ")"] | readonly ["({", "})"] | readonly ["(class {", "})"];

// The text of a method is no expression, and that of a private method is at home only in a class.
const wrappers: readonly Wrapper[] = [
  ["(", ")"],
  ["({", "})"],
  ["(class {", "})"],
];

/**
 * Reads the text of a function. What is not known to be sloppy is read as strict, as modules and classes are; only text
 * that is no strict code is taken for sloppy.
 */
export function parseFunction(source: string, knownSloppy: boolean): Parsed {
  let reason = "";
  for (const strict of knownSloppy ? [false] : [true, false]) {
    for (const wrapper of wrappers) {
      const parsed = parseAs(source, strict, wrapper);
      if (typeof parsed !== "string") return parsed;
      // The first reading is the usual one: its complaint is the one that helps.
      reason ||= parsed;
    }
  }
  return { kind: "unreadable", reason };
}

function parseAs(source: string, strict: boolean, [open, close]: Wrapper): Parsed | string {
  const prefix = `${strict ? '"use strict";' : ""}${open}`;
  let program: Acorn.Program;
  try {
    program = libraries().acorn.parse(`${prefix}${source}\n${close}`, {
      ecmaVersion: "latest",
      ranges: true,
      // What belongs to the surroundings is to be named in the refusal, so it must be readable first: import.meta (which
      // acorn allows in a script along with imports), private names and super.
      allowImportExportEverywhere: true,
      checkPrivateFields: false,
      allowSuperOutsideMethod: true,
    });
  } catch (error) {
    if (error instanceof SyntaxError) return complaint(error, source, prefix.length);
    throw error;
  }
  const statement = program.body.at(-1);
  if (statement?.type !== "ExpressionStatement") return "it is not one function";
  const base = { program, offset: prefix.length, strict };
  const expression = statement.expression;
  if (open === "(") {
    if (expression.type === "ClassExpression") return { kind: "class" };
    if (expression.type !== "FunctionExpression" && expression.type !== "ArrowFunctionExpression") {
      return "it is not one function";
    }
    if (expression.generator) return { kind: "generator" };
    return { kind: "function", ...base, root: expression, form: "expression", key: { kind: "plain" } };
  }
  const member = onlyMember(expression);
  if (member?.value?.type !== "FunctionExpression") return "it is not one function";
  if (member.kind === "get" || member.kind === "set") return { kind: "accessor" };
  if (member.value.generator) return { kind: "generator" };
  const span = { start: member.key.start - prefix.length, end: member.key.end - prefix.length };
  const key = member.computed ? "computed" : member.key.type === "PrivateIdentifier" ? "private" : "plain";
  return { kind: "function", ...base, root: member.value, form: "method", key: { kind: key, ...span } };
}

function complaint(error: SyntaxError & { pos?: number }, source: string, offset: number): string {
  const { line, column } = positionAt(source, (error.pos ?? offset) - offset);
  // The only word of the surroundings that acorn cannot be told to let pass.
  const text = error.message.startsWith("'new.target'")
    ? 'it uses the surrounding "new.target"'
    : error.message.replace(/ \(\d+:\d+\)$/, "");
  return `${text} (${line}:${column})`;
}

function onlyMember(expression: Acorn.Expression): Acorn.Property | Acorn.MethodDefinition | undefined {
  if (expression.type === "ObjectExpression" && expression.properties.length === 1) {
    const member = expression.properties[0];
    // `{ f: function() {} }` is a property too, but no text of a function reads like that.
    return member?.type === "Property" && (member.method || member.kind !== "init") ? member : undefined;
  }
  if (expression.type === "ClassExpression" && expression.body.body.length === 1) {
    const member = expression.body.body[0];
    return member?.type === "MethodDefinition" ? member : undefined;
  }
  return undefined;
}
