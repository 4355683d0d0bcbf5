import type * as Acorn from "acorn";
import { acorn } from "./parser.js";
import type { ClassNode } from "./shapes.js";
import { type FunctionSyntax, positionAt } from "./syntax.js";

/** How a text is to be put where it is compiled: `method` and `accessor` as the only member of an object literal. */
export type Form = "expression" | "method" | "accessor" | "class";

/** The text of a function as a tree. */
export interface Read {
  readonly form: Form;
  readonly root: FunctionSyntax | ClassNode;
  /** The member that a method or accessor is. */
  readonly member: Acorn.Property | Acorn.MethodDefinition | undefined;
  /** The whole text that was parsed, and where the function's own begins in it. */
  readonly text: string;
  readonly offset: number;
  /** What has to stand before the text to make it a member, for V8 forgets the name of a method called `static`. */
  readonly missing: string;
  readonly strict: boolean;
}

interface Surroundings {
  readonly open: string;
  readonly close: string;
  readonly holds: "expression" | "member";
}

// `new.target` and `super` mean something inside of these, and only inside of a derived class does super(). The last ones
// are for names of members that await or yield.
const expressions = {
  strict: { open: '"use strict";(class extends Object{constructor(){return(', close: "\n)}})", holds: "expression" },
  sloppy: { open: "({m(){return(", close: "\n)}})", holds: "expression" },
} as const;
const members: readonly (Surroundings & { readonly missing?: string })[] = [
  { open: "({m(){return({", close: "\n})}})", holds: "member" },
  { open: "({m(){return(class extends Object{", close: "\n})}})", holds: "member" },
  { open: "({m(){return({static", close: "\n})}})", holds: "member", missing: "static" },
  { open: "({async*m(){return({", close: "\n})}})", holds: "member" },
  { open: "({async*m(){return(class extends Object{", close: "\n})}})", holds: "member" },
  { open: "({async*m(){return(", close: "\n)}})", holds: "expression" },
];

/**
 * Reads the text of a function. What is not known to be sloppy is read as strict, as modules and classes are; only text
 * that is no strict code is taken for sloppy. A reason when it cannot be read.
 */
export function read(source: string, knownStrict: boolean | undefined): Read | string {
  let reason = "";
  for (const strict of knownStrict === false ? [false, true] : [true, false]) {
    for (const surroundings of [strict ? expressions.strict : expressions.sloppy, ...members]) {
      const result = readAs(source, strict, surroundings);
      if (typeof result !== "string") return result;
      // The first reading is the usual one: its complaint is the one that helps.
      reason ||= result;
    }
  }
  return reason;
}

function readAs(source: string, strict: boolean, around: Surroundings & { readonly missing?: string }): Read | string {
  const { open, close, holds, missing = "" } = around;
  const before = strict && !open.startsWith('"') ? `"use strict";${open}` : open;
  const text = `${before}${source}${close}`;
  let program: Acorn.Program;
  try {
    program = acorn().parse(text, {
      ecmaVersion: "latest",
      // What belongs to the surroundings is to be found, so it must be readable: import.meta (which acorn allows in a
      // script along with imports), private names and super.
      allowImportExportEverywhere: true,
      checkPrivateFields: false,
      allowSuperOutsideMethod: true,
    });
  } catch (error) {
    // acorn descends by recursion, and says so in its own words.
    if (error instanceof SyntaxError && error.message.startsWith("Not enough stack")) throw new RangeError();
    if (error instanceof SyntaxError) return complaint(error, source, before.length);
    throw error;
  }
  const content = contentOf(program);
  const base = { text, offset: before.length, missing, strict };
  if (content !== undefined && holds === "expression") {
    if (content.type === "ClassExpression") return { form: "class", root: content, member: undefined, ...base };
    if (content.type === "FunctionExpression" || content.type === "ArrowFunctionExpression") {
      return { form: "expression", root: content, member: undefined, ...base };
    }
  } else if (content !== undefined) {
    const member = onlyMember(content);
    if (member?.value.type === "FunctionExpression") {
      const form = member.kind === "get" || member.kind === "set" ? "accessor" : "method";
      return { form, root: member.value, member, ...base };
    }
  }
  return "it is not one function";
}

// What stands in `return (...)` of the only method of the surroundings; undefined when the text closed them and went on.
function contentOf(program: Acorn.Program): Acorn.Expression | undefined {
  const statement = program.body.at(-1);
  if (statement?.type !== "ExpressionStatement") return undefined;
  const outer = statement.expression;
  const holder =
    outer.type === "ObjectExpression" && outer.properties.length === 1
      ? outer.properties[0]
      : outer.type === "ClassExpression" && outer.body.body.length === 1
        ? outer.body.body[0]
        : undefined;
  if (
    (holder?.type !== "Property" && holder?.type !== "MethodDefinition") ||
    holder.value.type !== "FunctionExpression"
  ) {
    return undefined;
  }
  const { body } = holder.value.body;
  const [first] = body;
  return body.length === 1 && first?.type === "ReturnStatement" ? (first.argument ?? undefined) : undefined;
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

function complaint(error: SyntaxError & { pos?: number }, source: string, offset: number): string {
  const { line, column } = positionAt(source, (error.pos ?? offset) - offset);
  return `${error.message.replace(/ \(\d+:\d+\)$/, "")} (${line}:${column})`;
}
