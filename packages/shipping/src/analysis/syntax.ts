import type * as Acorn from "acorn";

/** A node of the syntax tree, as far as a walker that treats all kinds alike needs to know it. */
export interface Syntax {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

export type FunctionSyntax = Acorn.FunctionExpression | Acorn.ArrowFunctionExpression;

function isSyntax(value: unknown): value is Syntax {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

/** The direct children, in the order of their keys. */
export function children(node: Syntax): Syntax[] {
  const found: Syntax[] = [];
  for (const value of Object.values(node)) {
    if (isSyntax(value)) found.push(value);
    else if (Array.isArray(value)) for (const item of value) if (isSyntax(item)) found.push(item);
  }
  return found;
}

/** A place in the function's own text: the first character is 1:1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export function positionAt(source: string, offset: number): Position {
  const before = source.slice(0, offset).split(/\r\n|[\n\r\u2028\u2029]/);
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
