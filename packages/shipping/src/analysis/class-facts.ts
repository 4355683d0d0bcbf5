import type * as Acorn from "acorn";
import { memberName } from "./free.js";
import { isStandardGlobal } from "./globals.js";
import type { ClassNode } from "./shapes.js";
import type { Syntax } from "./syntax.js";

/** A method or accessor of a class. */
export interface Member {
  readonly kind: "method" | "get" | "set";
  readonly isStatic: boolean;
  /** Undefined when it is computed; private names with `#`. */
  readonly key: string | undefined;
  readonly isPrivate: boolean;
  /** As `toString` of its function gives it. */
  readonly source: string;
}

/** A part of a class that is made otherwise on the other side. Offsets of the parsed text. */
export interface ClassEdit {
  readonly kind: "heritage" | "drop" | "private-static";
  readonly start: number;
  readonly end: number;
  /** Of a private static field, with `#`. */
  readonly name: string;
  /** Where the whole member ends. */
  readonly memberEnd: number;
}

export interface ClassFacts {
  readonly heritage: "none" | "null" | "expression";
  readonly members: readonly Member[];
  readonly edits: readonly ClassEdit[];
  /** What is not evaluated again on the other side. */
  readonly skip: ReadonlySet<Syntax>;
  /** Computed names that may not be what they were when the class is made again. */
  readonly unstableKeys: readonly Syntax[];
  /** Names in computed keys that are constant as far as the text tells. */
  readonly keyNames: ReadonlySet<string>;
}

/** Reads a class as it is shipped: what it once evaluated (its heritage, its static state) is not evaluated again. */
export function classFacts(root: ClassNode, text: string): ClassFacts {
  const edits: ClassEdit[] = [];
  const skip = new Set<Syntax>();
  const members: Member[] = [];
  const unstableKeys: Syntax[] = [];
  const keyNames = new Set<string>();
  const heritage = heritageOf(root);
  if (heritage === "expression") {
    skip.add(root.superClass as Syntax);
    const start = afterExtends(root, text);
    edits.push({ kind: "heritage", start, end: root.body.start, name: "", memberEnd: root.body.start });
  }
  for (const member of root.body.body) {
    const { start, end: memberEnd } = member;
    if (member.type === "StaticBlock" || isStaticState(member)) {
      skip.add(member);
      edits.push({ kind: "drop", start, end: memberEnd, name: "", memberEnd });
      continue;
    }
    if (member.type === "PropertyDefinition" && member.static && member.key.type === "PrivateIdentifier") {
      const { key, value } = member;
      if (value) skip.add(value);
      const span = value ?? { start: key.end, end: key.end };
      edits.push({ kind: "private-static", start: span.start, end: span.end, name: `#${key.name}`, memberEnd });
    }
    if (member.computed && !isStable(member.key as Acorn.Expression, keyNames)) unstableKeys.push(member.key);
    if (member.type === "MethodDefinition" && member.kind !== "constructor") members.push(memberOf(member, text));
  }
  return { heritage, members, edits, skip, unstableKeys, keyNames };
}

function heritageOf({ superClass }: ClassNode): ClassFacts["heritage"] {
  if (!superClass) return "none";
  return superClass.type === "Literal" && superClass.value === null && superClass.raw === "null"
    ? "null"
    : "expression";
}

function isStaticState(member: Acorn.MethodDefinition | Acorn.PropertyDefinition): boolean {
  return member.type === "PropertyDefinition" && member.static && member.key.type !== "PrivateIdentifier";
}

function memberOf(member: Acorn.MethodDefinition, text: string): Member {
  const { key, computed, kind } = member;
  const isPrivate = key.type === "PrivateIdentifier";
  const start = member.static ? skipTrivia(text, member.start + "static".length) : member.start;
  return {
    kind: kind === "get" || kind === "set" ? kind : "method",
    isStatic: member.static,
    key: computed ? undefined : isPrivate ? `#${key.name}` : plainKey(key),
    isPrivate,
    source: text.slice(start, member.end),
  };
}

function plainKey(key: Acorn.Expression): string | undefined {
  if (key.type === "Identifier") return key.name;
  return key.type === "Literal" ? String(key.bigint ?? key.value) : undefined;
}

// Comments may stand between any two words.
const trivia = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[\s\S]*?\*\/)*/y;

function skipTrivia(text: string, from: number): number {
  trivia.lastIndex = from;
  trivia.exec(text);
  return trivia.lastIndex;
}

function afterExtends(root: ClassNode, text: string): number {
  return skipTrivia(text, root.id?.end ?? root.start + "class".length) + "extends".length;
}

/** Whether a key is the same when it is evaluated again, if the names are that it reads: these are collected. */
function isStable(key: Acorn.Expression, names: Set<string>): boolean {
  const found: string[] = [];
  const open: Acorn.AnyNode[] = [key];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === "Identifier") found.push(node.name);
    else if (node.type === "TemplateLiteral") open.push(...node.expressions);
    else if (node.type === "BinaryExpression" && node.operator === "+") open.push(node.left, node.right);
    else if (node.type === "UnaryExpression" && node.operator === "-") open.push(node.argument);
    else if (node.type === "MemberExpression") {
      const root = rootOf(node);
      // A member of anything else may have changed.
      if (root === undefined || !isStandardGlobal(root)) return false;
      found.push(root);
    } else if (node.type !== "Literal" || node.regex !== undefined) return false;
  }
  for (const name of found) names.add(name);
  return true;
}

function rootOf(member: Acorn.MemberExpression): string | undefined {
  let node: Acorn.AnyNode = member;
  while (node.type === "MemberExpression") {
    if (memberName(node) === undefined) return undefined;
    node = node.object;
  }
  return node.type === "Identifier" ? node.name : undefined;
}
