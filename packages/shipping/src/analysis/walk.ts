import type * as Acorn from "acorn";
import { children, type FunctionSyntax, type Syntax } from "./syntax.js";

/** A word that reaches out of the function without being a variable. */
export type LexicalWord = "this" | "super" | "import.meta" | `#${string}`;

/** What one walk over a function tells, all offsets in the text that was parsed. */
export interface Walked {
  readonly lexical: ReadonlyMap<LexicalWord, number[]>;
  readonly directEvals: readonly number[];
  readonly withs: readonly number[];
  readonly imports: readonly Acorn.ImportExpression[];
  /** Of identifiers and the expressions around them, to see how a name is used. */
  readonly parents: ReadonlyMap<Syntax, Syntax>;
}

interface PrivateNames {
  readonly names: ReadonlySet<string>;
  readonly outer: PrivateNames | undefined;
}

interface Place {
  readonly node: Syntax;
  readonly parent: Syntax | undefined;
  /** Whether `this` here is the `this` of the function that is shipped. */
  readonly atRoot: boolean;
  readonly privates: PrivateNames | undefined;
}

/** One walk, with a stack of its own: the depth of a user's expression must not be the depth of ours. */
export function walk(root: FunctionSyntax, form: "expression" | "method"): Walked {
  const lexical = new Map<LexicalWord, number[]>();
  const directEvals: number[] = [];
  const withs: number[] = [];
  const imports: Acorn.ImportExpression[] = [];
  const parents = new Map<Syntax, Syntax>();
  const isArrow = root.type === "ArrowFunctionExpression";
  const note = (word: LexicalWord, node: Syntax) => {
    const sites = lexical.get(word);
    if (sites === undefined) lexical.set(word, [node.start]);
    else sites.push(node.start);
  };

  const open: Place[] = [{ node: root, parent: undefined, atRoot: true, privates: undefined }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { parent, atRoot, privates } = place;
    const node = place.node as Acorn.AnyNode;
    if (parent !== undefined) parents.set(node, parent);
    switch (node.type) {
      case "ThisExpression":
        // A function's `this` is undefined here and there alike. A method that uses it was torn off its object.
        if (atRoot && (isArrow || form === "method")) note("this", node);
        break;
      case "Super":
        if (atRoot) note("super", node);
        break;
      case "MetaProperty":
        // The new.target of the surroundings is no text that can be parsed; any other is the function's own.
        if (node.meta.name === "import") note("import.meta", node);
        break;
      case "PrivateIdentifier":
        if (!isDeclaredName(node, parent) && !isKnown(node.name, privates)) note(`#${node.name}`, node);
        break;
      case "WithStatement":
        withs.push(node.start);
        break;
      case "ImportExpression":
        imports.push(node);
        break;
      case "CallExpression":
        if (node.callee.type === "Identifier" && node.callee.name === "eval" && !node.optional) {
          directEvals.push(node.start);
        }
        break;
    }
    for (const child of children(node)) {
      open.push({
        node: child,
        parent: node,
        atRoot: atRoot && !hasOwnThis(node, child, root),
        privates: node.type === "ClassBody" ? { names: declaredPrivates(node), outer: privates } : privates,
      });
    }
  }
  return { lexical, directEvals: directEvals.sort(ascending), withs: withs.sort(ascending), imports, parents };
}

function hasOwnThis(node: Acorn.AnyNode, child: Syntax, root: FunctionSyntax): boolean {
  switch (node.type) {
    case "FunctionDeclaration":
    case "FunctionExpression":
      return node !== root;
    case "PropertyDefinition":
      return child === node.value;
    case "StaticBlock":
      return true;
    default:
      return false;
  }
}

function isDeclaredName(node: Syntax, parent: Syntax | undefined): boolean {
  return (
    (parent?.type === "MethodDefinition" || parent?.type === "PropertyDefinition") &&
    (parent as Acorn.MethodDefinition | Acorn.PropertyDefinition).key === node
  );
}

function declaredPrivates(body: Acorn.ClassBody): Set<string> {
  const names = new Set<string>();
  for (const member of body.body) {
    if (member.type !== "StaticBlock" && member.key.type === "PrivateIdentifier") names.add(member.key.name);
  }
  return names;
}

function isKnown(name: string, privates: PrivateNames | undefined): boolean {
  for (let scope = privates; scope !== undefined; scope = scope.outer) if (scope.names.has(name)) return true;
  return false;
}

function ascending(a: number, b: number): number {
  return a - b;
}
