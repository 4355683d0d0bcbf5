import type * as Acorn from "acorn";
import type { Helper, SourceCode } from "../code.js";
import { isRelative } from "../specifier.js";
import { freeNames } from "./free-names.js";
import { type Parsed, type ParsedFunction, parseFunction } from "./parse.js";
import { type Position, positionAt, type Syntax } from "./syntax.js";
import { callOf, classify, contextUses, isKeepNames, type RawUse, type UseKind } from "./uses.js";
import { type LexicalWord, type Walked, walk } from "./walk.js";

/** Something from outside that a function uses. */
export interface Use {
  readonly kind: UseKind;
  readonly name: string;
  readonly at: readonly Position[];
}

/** Something in a function that cannot work elsewhere, or hides what the function uses. */
export interface Obstacle {
  readonly kind: "direct-eval" | "with" | "relative-import" | "rewritten-import";
  /** The specifier of an import, else empty. */
  readonly name: string;
  readonly at: readonly Position[];
}

/** The text of a function understood. Without uses and obstacles, `code` runs anywhere. */
export interface FunctionAnalysis {
  readonly kind: "function";
  readonly code: SourceCode;
  readonly uses: readonly Use[];
  readonly obstacles: readonly Obstacle[];
  /** What it imports by literal specifiers. */
  readonly imports: readonly string[];
}

export type Analysis = FunctionAnalysis | Exclude<Parsed, ParsedFunction>;

const viteImport = "__vite_ssr_dynamic_import__";

/** Finds out what a function is and what it uses, from its text alone. */
export function analyse(source: string, name: string, knownSloppy: boolean): Analysis {
  try {
    const parsed = parseFunction(source, knownSloppy);
    return parsed.kind === "function" ? analyseFunction(source, name, parsed) : parsed;
  } catch (error) {
    // acorn and eslint-scope descend by recursion.
    if (error instanceof RangeError) return { kind: "unreadable", reason: "it is nested too deeply" };
    throw error;
  }
}

function analyseFunction(source: string, name: string, parsed: ParsedFunction): FunctionAnalysis {
  const walked = walk(parsed.root, parsed.form);
  const helpers: Record<string, Helper> = {};
  const uses: RawUse[] = lexicalUses(walked, parsed);
  let viteImports: readonly Acorn.Identifier[] = [];
  for (const [free, nodes] of freeNames(parsed)) {
    if (free === "__name" && isKeepNames(nodes, walked.parents)) helpers[free] = "name";
    else if (free === viteImport) viteImports = nodes;
    else {
      const context = contextUses(free, nodes, walked.parents);
      if (context !== undefined) helpers[free] = context.helper;
      const others = context === undefined ? nodes : nodes.filter((node) => !context.nodes.has(node));
      if (others.length > 0) uses.push(...classify(free, others, walked.parents, name));
    }
  }
  if (viteImports.length > 0) helpers[viteImport] = "import";

  const at = (nodes: readonly { start: number }[]) =>
    nodes.map((node) => positionAt(source, node.start - parsed.offset));
  const edits = keyEdits(parsed, name);
  if (walked.imports.length > 0) {
    const alias = importAlias(source);
    helpers[alias] = "import";
    for (const node of walked.imports) edits.push({ start: node.start - parsed.offset, length: 6, text: alias });
  }
  return {
    kind: "function",
    code: {
      kind: "source",
      source: applyEdits(source, edits),
      name,
      form: parsed.form,
      strict: parsed.strict,
      helpers,
    },
    uses: uses
      .sort((a, b) => (a.nodes[0]?.start ?? 0) - (b.nodes[0]?.start ?? 0))
      .map((use) => ({ kind: use.kind, name: use.name, at: at(use.nodes) })),
    obstacles: [
      ...offsetsObstacle("direct-eval", walked.directEvals),
      ...offsetsObstacle("with", walked.withs),
      ...importObstacles(walked, viteImports),
    ].map((found) => ({ kind: found.kind, name: found.name, at: at(found.nodes) })),
    imports: literalImports(walked, viteImports),
  };
}

function lexicalUses(walked: Walked, parsed: ParsedFunction): RawUse[] {
  return [...walked.lexical].map(([word, offsets]) => ({
    kind: lexicalKind(word, parsed),
    name: word,
    nodes: offsets.sort((a, b) => a - b).map((start) => ({ type: word, start, end: start })),
  }));
}

function lexicalKind(word: LexicalWord, parsed: ParsedFunction): UseKind {
  if (word.startsWith("#")) return "private-name";
  if (word === "import.meta") return word;
  return parsed.form === "method" ? "method-this" : "lexical";
}

interface RawObstacle {
  readonly kind: Obstacle["kind"];
  readonly name: string;
  readonly nodes: readonly { readonly start: number }[];
}

function offsetsObstacle(kind: Obstacle["kind"], offsets: readonly number[]): RawObstacle[] {
  return offsets.length === 0 ? [] : [{ kind, name: "", nodes: offsets.map((start) => ({ start })) }];
}

function importObstacles(walked: Walked, viteImports: readonly Acorn.Identifier[]): RawObstacle[] {
  const obstacles: RawObstacle[] = [];
  for (const node of walked.imports) {
    const specifier = literal(node.source);
    if (specifier !== undefined && isRelative(specifier)) {
      obstacles.push({ kind: "relative-import", name: specifier, nodes: [node] });
    }
  }
  for (const node of viteImports) {
    const specifier = literal(callOf(node, walked.parents)?.arguments[0]);
    // vite has replaced what the user wrote by the path of a file below the project's root.
    if (specifier?.startsWith("/")) obstacles.push({ kind: "rewritten-import", name: specifier, nodes: [node] });
    else if (specifier !== undefined && isRelative(specifier)) {
      obstacles.push({ kind: "relative-import", name: specifier, nodes: [node] });
    }
  }
  return obstacles.sort((a, b) => (a.nodes[0]?.start ?? 0) - (b.nodes[0]?.start ?? 0));
}

function literalImports(walked: Walked, viteImports: readonly Acorn.Identifier[]): string[] {
  const sources = [
    ...walked.imports.map(({ source }) => source),
    ...viteImports.map((node) => callOf(node, walked.parents)?.arguments[0]),
  ];
  return [...new Set(sources.map(literal))].filter((specifier) => specifier !== undefined);
}

function literal(node: Syntax | undefined): string | undefined {
  if (node?.type === "Literal") {
    const { value } = node as Acorn.Literal;
    return typeof value === "string" ? value : undefined;
  }
  if (node?.type === "TemplateLiteral") {
    const { quasis } = node as Acorn.TemplateLiteral;
    return quasis.length === 1 ? (quasis[0]?.value.cooked ?? undefined) : undefined;
  }
  return undefined;
}

interface Edit {
  readonly start: number;
  readonly length: number;
  readonly text: string;
}

// The brackets of a computed name stay, with the name that the expression gave: so the text stays a method.
function keyEdits({ key }: ParsedFunction, name: string): Edit[] {
  if (key.kind === "plain") return [];
  const text = key.kind === "computed" ? JSON.stringify(name) : "m".padEnd(key.end - key.start);
  return [{ start: key.start, length: key.end - key.start, text }];
}

// As long as the word `import`, so that columns in stack traces stay those of the source.
function importAlias(source: string): string {
  for (let count = 0; ; count++) {
    const alias = `imp${count.toString(36).padStart(3, "0")}`;
    if (!source.includes(alias)) return alias;
  }
}

function applyEdits(source: string, edits: readonly Edit[]): string {
  let text = source;
  for (const { start, length, text: replacement } of [...edits].sort((a, b) => b.start - a.start)) {
    text = text.slice(0, start) + replacement + text.slice(start + length);
  }
  return text;
}
