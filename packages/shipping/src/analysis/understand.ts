import type * as Acorn from "acorn";
import { Lines } from "../stacks/lines.js";
import { type ArgumentsUse, argumentsUse } from "./arguments-use.js";
import { type ClassEdit, type ClassFacts, classFacts, type Member } from "./class-facts.js";
import { callOf, type FreeName, freeName, literalText } from "./free.js";
import { type Form, type Read, read } from "./read.js";
import { requiredBy } from "./required.js";
import { type Scan, scan } from "./scan.js";
import type { Reference } from "./scopes.js";
import type { ClassNode } from "./shapes.js";
import { type Site, siteOf } from "./sites.js";
import type { Position, Syntax } from "./syntax.js";

export type Understood =
  | UnderstoodFunction
  | UnderstoodClass
  | { readonly kind: "unreadable"; readonly reason: string };

/** A module that a text asks for, with its name if that is written out. */
export interface Asked {
  readonly specifier: string | undefined;
  readonly at: Position;
}

/** What the text of any function or class tells. Positions are those of the text itself: the first character is 1:1. */
interface Base {
  /** How the text is to be compiled: `method` and `accessor` as the only member of an object literal. */
  readonly form: Form;
  /** Whether the code around the text has to be strict. */
  readonly strict: boolean;
  /** Every name that the text uses and does not declare; never `arguments`. In the order of their first uses. */
  readonly free: ReadonlyMap<string, FreeName>;
  /** What reaches out of the text without being a variable. */
  readonly lexical: {
    /** Not that of a function with a `this` of its own. */
    readonly this: readonly Position[];
    /** Of a method as well: that of its home object. */
    readonly super: readonly Position[];
    readonly newTarget: readonly Position[];
    /** Undefined if it does not use them. */
    readonly arguments: ArgumentsUse | undefined;
    /** `import.meta`, also as vite writes it. */
    readonly meta: readonly Position[];
    /** By name with `#`: private names that no class in the text declares. */
    readonly privates: ReadonlyMap<string, readonly Position[]>;
  };
  /** Where it uses the `this` that it is called with, other than to ask what it is: `typeof this`, `this === undefined`. */
  readonly ownThis: readonly Position[];
  readonly directEval: readonly Position[];
  readonly withs: readonly Position[];
  /** `import()`, also as vite writes it. */
  readonly imports: readonly Asked[];
  /** What is named to `require`, to what `createRequire` gives, or to be resolved. */
  readonly requires: readonly Asked[];
  readonly isArrow: boolean;
  readonly isAsync: boolean;
  readonly isGenerator: boolean;
  /** The `length` of the function by itself: its parameters up to the first default or rest. */
  readonly length: number;
  /**
   * The name by which the text calls itself. Of a declaration it was a variable of the surroundings, which its text does
   * not tell; here it is the function itself and cannot be written.
   */
  readonly ownName: { readonly name: string; readonly used: boolean; readonly written: boolean } | undefined;
  /** What {@link functionText} has to know. */
  readonly edits: TextEdits;
}

export interface UnderstoodFunction extends Base {
  readonly kind: "function";
  readonly form: "expression" | "method" | "accessor";
  /** Of a method: a private name or a computed one means nothing where it is compiled. */
  readonly key: "plain" | "computed" | "private";
}

/** A class as it is shipped: without what it evaluated once, so names that occur only there are not free. */
export interface UnderstoodClass extends Base {
  readonly kind: "class";
  readonly form: "class";
  readonly heritage: ClassFacts["heritage"];
  /** Methods and accessors, without the constructor. */
  readonly members: readonly Member[];
  /** With `#`, in the order in which they are declared. */
  readonly privateStatics: readonly string[];
  /** Computed names that might come out otherwise now. */
  readonly unstableKeys: readonly Position[];
  /** The names in the other computed names: they need their values before the class is made. */
  readonly keyNames: ReadonlySet<string>;
}

/** Places in the source that are written anew. Offsets count from its beginning. */
export interface TextEdits {
  /** Of the free names, and of `arguments`. */
  readonly sites: ReadonlyMap<string, readonly Site[]>;
  readonly fixed: readonly FixedEdit[];
}

export interface FixedEdit {
  readonly kind: "import" | "meta" | "computed-key" | "private-key" | "missing" | ClassEdit["kind"];
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly memberEnd: number;
}

export const viteImport = "__vite_ssr_dynamic_import__";
export const viteMeta = "__vite_ssr_import_meta__";

/**
 * Finds out what a function is and what it uses, from its text as `Function.prototype.toString` gives it.
 * @param hints `strict`: whether the function is strict, if that is known.
 */
export function understand(source: string, hints: { readonly strict: boolean | undefined }): Understood {
  try {
    const found = read(source, hints.strict);
    return typeof found === "string" ? { kind: "unreadable", reason: found } : understandRead(source, found);
  } catch (error) {
    if (error instanceof RangeError) return { kind: "unreadable", reason: "it is nested too deeply" };
    throw error;
  }
}

function understandRead(source: string, found: Read): UnderstoodFunction | UnderstoodClass {
  const { form, root, offset, strict, member } = found;
  const facts =
    root.type === "ClassExpression" || root.type === "ClassDeclaration" ? classFacts(root, found.text) : undefined;
  const isMethod = form === "method" || form === "accessor";
  const scanned = scan(root, { strict, isMethod, ...(facts === undefined ? {} : { skip: facts.skip }) });
  const lines = new Lines(source);
  const at = ({ start }: { readonly start: number }): Position => {
    const { line, column } = lines.placeOf(start - offset);
    return { line: line + 1, column: column + 1 };
  };
  const references = freeReferences(scanned);
  const argumentUses = references.get("arguments");
  const names = [...references].filter(([name]) => name !== "arguments");
  const metas = [...scanned.metas, ...(references.get(viteMeta) ?? []).map(({ node }) => node)];
  const fn = root.type === "FunctionExpression" || root.type === "ArrowFunctionExpression" ? root : undefined;
  const base = {
    strict,
    free: new Map(names.map(([name, uses]) => [name, freeName(uses, at)])),
    lexical: {
      this: positions(scanned.this, at),
      super: positions(scanned.super, at),
      newTarget: positions(scanned.newTarget, at),
      arguments: argumentUses && argumentsUse(argumentUses, at),
      meta: metas.sort(byStart).map(at),
      privates: new Map([...scanned.privates].map(([name, starts]) => [`#${name}`, positions(starts, at)])),
    },
    ownThis: positions(scanned.ownThis, at),
    directEval: positions(scanned.directEvals, at),
    withs: positions(scanned.withs, at),
    imports: [
      ...scanned.imports.map((node) => ({ node: node as Syntax, specifier: literalText(node.source) })),
      ...calls(references.get(viteImport)),
    ]
      .sort((a, b) => byStart(a.node, b.node))
      .map(({ node, specifier }) => ({ specifier, at: at(node) })),
    requires: requiredBy(root, source, references.has("require")).map(({ node, specifier }) => ({
      specifier,
      at: at(node),
    })),
    isArrow: fn?.type === "ArrowFunctionExpression",
    isAsync: fn?.async === true,
    isGenerator: fn?.generator === true,
    length: lengthOf(fn ?? constructorOf(root)),
    ownName: ownName(scanned, root.type === "ArrowFunctionExpression" ? undefined : root.id?.name),
    edits: {
      sites: new Map([...references].map(([name, uses]) => [name, uses.map((use) => siteOf(use, offset))])),
      fixed: fixedEdits(found, scanned, facts),
    },
  };
  if (facts !== undefined) {
    return {
      kind: "class",
      form: "class",
      ...base,
      heritage: facts.heritage,
      members: facts.members,
      privateStatics: facts.edits.filter(({ kind }) => kind === "private-static").map(({ name }) => name),
      unstableKeys: facts.unstableKeys.map(at),
      keyNames: facts.keyNames,
    };
  }
  const key = member?.computed ? "computed" : member?.key.type === "PrivateIdentifier" ? "private" : "plain";
  return { kind: "function", form: form as UnderstoodFunction["form"], key, ...base };
}

function lengthOf(fn: { readonly params: readonly Acorn.Pattern[] } | undefined): number {
  const params = fn?.params ?? [];
  const end = params.findIndex(({ type }) => type === "AssignmentPattern" || type === "RestElement");
  return end === -1 ? params.length : end;
}

function constructorOf(root: Syntax): Acorn.Function | undefined {
  const { body } = root as ClassNode;
  const member = body.body.find((each) => each.type === "MethodDefinition" && each.kind === "constructor");
  return (member as Acorn.MethodDefinition | undefined)?.value;
}

function freeReferences({ references }: Scan): Map<string, Reference[]> {
  const free = new Map<string, Reference[]>();
  for (const reference of references) {
    if (reference.binding !== undefined) continue;
    const { name } = reference.node;
    const uses = free.get(name);
    if (uses === undefined) free.set(name, [reference]);
    else uses.push(reference);
  }
  return free;
}

function calls(
  references: readonly Reference[] = [],
): { readonly node: Syntax; readonly specifier: string | undefined }[] {
  return references.flatMap(({ node, place }) => {
    const call = callOf(place);
    return call === undefined ? [] : [{ node, specifier: literalText(call.arguments[0] as Acorn.AnyNode | undefined) }];
  });
}

function ownName({ references }: Scan, name: string | undefined): Base["ownName"] {
  if (name === undefined) return undefined;
  const own = references.filter(({ node, binding }) => node.name === name && binding?.kind === "name");
  const uses = own.filter(({ binding }) => binding?.scope.outer?.kind === "top");
  return { name, used: uses.length > 0, written: uses.some(({ kind }) => kind !== "read") };
}

function fixedEdits(
  { member, offset, missing }: Read,
  { imports, metas }: Scan,
  facts: ClassFacts | undefined,
): FixedEdit[] {
  const edits: FixedEdit[] = [];
  const add = (kind: FixedEdit["kind"], start: number, end: number, name = "", memberEnd = end) =>
    edits.push({ kind, start: start - offset, end: end - offset, name, memberEnd: memberEnd - offset });
  if (missing !== "") add("missing", offset, offset, missing);
  if (member?.computed) add("computed-key", member.key.start, member.key.end);
  else if (member?.key.type === "PrivateIdentifier") add("private-key", member.key.start, member.key.end);
  for (const { start } of imports) add("import", start, start + "import".length);
  for (const { start, end } of metas) add("meta", start, end);
  for (const { kind, start, end, name, memberEnd } of facts?.edits ?? []) add(kind, start, end, name, memberEnd);
  return edits;
}

function positions(starts: readonly number[], at: (node: { readonly start: number }) => Position): Position[] {
  return starts.map((start) => at({ start }));
}

function byStart(a: { readonly start: number }, b: { readonly start: number }): number {
  return a.start - b.start;
}
