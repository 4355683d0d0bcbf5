import type * as Acorn from "acorn";
import { type BindingKind, type BlockFunction, hoistBlockFunctions, type Reference, resolve, Scope } from "./scopes.js";
import { asksOnly, type ClassNode, declaredPrivates, declares, hasSimpleParameters, hasUseStrict } from "./shapes.js";
import { children, type Syntax } from "./syntax.js";

/** A node of the tree with its way up. */
export interface Place {
  readonly node: Syntax;
  readonly outer: Place | undefined;
  readonly scope: Scope;
  readonly role: Role;
  /** Whether the code runs more than once in one run of its function. */
  readonly inLoop: boolean;
}

interface Declares {
  readonly kind: BindingKind;
  readonly scope: Scope;
  /** Whether it gives the name a value where it stands. */
  readonly init: boolean;
}

/** What a node is to the node around it: a target that gets a value, a declaration, or else something that is read. */
type Role = "write" | Declares | undefined;

/** What one walk over a text tells; all offsets are those of the text that was parsed. */
export interface Scan {
  /** In the order of the text. */
  readonly references: readonly Reference[];
  /** In the order of their beginnings, outer ones first. */
  readonly scopes: readonly Scope[];
  readonly this: readonly number[];
  /** Of a function that has a `this` of its own, where it is more than asked what it is. */
  readonly ownThis: readonly number[];
  readonly super: readonly number[];
  readonly newTarget: readonly number[];
  readonly metas: readonly Acorn.MetaProperty[];
  /** By name without `#`: those that no class in the text declares. */
  readonly privates: ReadonlyMap<string, number[]>;
  readonly directEvals: readonly number[];
  readonly withs: readonly number[];
  readonly imports: readonly Acorn.ImportExpression[];
}

export interface ScanOptions {
  readonly strict: boolean;
  /** The root is a function whose `super` is that of an object which is not in the text. */
  readonly isMethod?: boolean;
  /** Nodes that are left out with all they hold. */
  readonly skip?: ReadonlySet<Syntax>;
}

/** One walk with a stack of its own: the depth of a user's expression must not be the depth of ours. */
export function scan(root: Syntax, options: ScanOptions): Scan {
  return new Scanner(options).run(root);
}

class Scanner {
  readonly #open: Place[] = [];
  readonly #references: Reference[] = [];
  readonly #blockFunctions: BlockFunction[] = [];
  readonly #scopes: Scope[] = [];
  readonly #options: ScanOptions;
  readonly #this: number[] = [];
  readonly #ownThis: number[] = [];
  readonly #super: number[] = [];
  readonly #newTarget: number[] = [];
  readonly #metas: Acorn.MetaProperty[] = [];
  readonly #privates: { readonly name: string; readonly at: number; readonly scope: Scope }[] = [];
  readonly #directEvals: number[] = [];
  readonly #withs: number[] = [];
  readonly #imports: Acorn.ImportExpression[] = [];

  constructor(options: ScanOptions) {
    this.#options = options;
  }

  run(root: Syntax): Scan {
    const { strict, skip } = this.#options;
    const top = this.#scope("top", undefined, root, strict);
    this.#open.push({ node: root, outer: undefined, scope: top, role: undefined, inLoop: false });
    for (let place = this.#open.pop(); place !== undefined; place = this.#open.pop()) {
      if (skip === undefined || !skip.has(place.node)) this.#visit(place);
    }
    hoistBlockFunctions(this.#blockFunctions, this.#references);
    resolve(this.#references);
    return {
      references: this.#references.sort((a, b) => a.node.start - b.node.start),
      scopes: this.#scopes.sort((a, b) => a.start - b.start),
      this: this.#this.sort(ascending),
      ownThis: this.#ownThis.sort(ascending),
      super: this.#super.sort(ascending),
      newTarget: this.#newTarget.sort(ascending),
      metas: this.#metas.sort((a, b) => a.start - b.start),
      privates: this.#unknownPrivates(),
      directEvals: this.#directEvals.sort(ascending),
      withs: this.#withs.sort(ascending),
      imports: this.#imports.sort((a, b) => a.start - b.start),
    };
  }

  #scope(
    kind: Scope["kind"],
    outer: Scope | undefined,
    { start, end }: Syntax,
    strict = outer?.strict ?? false,
  ): Scope {
    const scope = new Scope(kind, outer, start, end, strict);
    this.#scopes.push(scope);
    return scope;
  }

  #push(node: Syntax | null | undefined, outer: Place, scope = outer.scope, role?: Role, inLoop = outer.inLoop): void {
    if (node !== null && node !== undefined) this.#open.push({ node, outer, scope, role, inLoop });
  }

  #visit(place: Place): void {
    const { scope, role } = place;
    const node = place.node as Acorn.AnyNode;
    switch (node.type) {
      case "Identifier":
        return this.#identifier(node, place);
      case "Literal":
      case "TemplateElement":
      case "BreakStatement":
      case "ContinueStatement":
      case "ExportAllDeclaration":
        return;
      case "MemberExpression":
        this.#push(node.object, place);
        if (node.computed || node.property.type === "PrivateIdentifier") this.#push(node.property, place);
        return;
      case "PrivateIdentifier":
        this.#privates.push({ name: node.name, at: node.start, scope });
        return;
      case "CallExpression":
        if (node.callee.type === "Identifier" && node.callee.name === "eval" && !node.optional) {
          this.#directEvals.push(node.start);
        }
        break;
      case "ThisExpression":
        if (scope.outerThis) this.#this.push(node.start);
        else if (scope.ownThis && !asksOnly(place.outer?.node)) this.#ownThis.push(node.start);
        return;
      case "Super":
        if (scope.outerSuper) this.#super.push(node.start);
        return;
      case "MetaProperty":
        if (node.meta.name === "import") this.#metas.push(node);
        else if (scope.outerThis) this.#newTarget.push(node.start);
        return;
      case "ImportExpression":
        this.#imports.push(node);
        break;
      case "WithStatement":
        this.#withs.push(node.start);
        break;
      case "AssignmentExpression":
        this.#push(node.left, place, scope, "write");
        this.#push(node.right, place);
        return;
      case "UpdateExpression":
        return this.#push(node.argument, place, scope, "write");
      case "UnaryExpression":
        return this.#push(node.argument, place, scope, node.operator === "delete" ? "write" : undefined);
      case "ArrayPattern":
        for (const element of node.elements) this.#push(element, place, scope, role);
        return;
      case "RestElement":
        return this.#push(node.argument, place, scope, role);
      case "AssignmentPattern":
        this.#push(node.left, place, scope, role);
        return this.#push(node.right, place);
      case "ObjectPattern":
        for (const property of node.properties) this.#push(property, place, scope, role);
        return;
      case "Property":
        if (node.computed) this.#push(node.key, place);
        return this.#push(node.value, place, scope, role);
      case "LabeledStatement":
        return this.#push(node.body, place);
      case "VariableDeclaration":
        return this.#variables(node, place);
      case "FunctionDeclaration":
        if (node.id) this.#functionName(node, node.id, place);
        return this.#function(node, place, scope);
      case "FunctionExpression": {
        if (!node.id) return this.#function(node, place, scope);
        const name = this.#scope("name", scope, node);
        name.declare(node.id.name, "name", node.id.start);
        return this.#function(node, place, name);
      }
      case "ArrowFunctionExpression":
        return this.#function(node, place, scope);
      case "ClassDeclaration":
      case "ClassExpression":
        return this.#class(node, place);
      case "BlockStatement":
        return this.#statements(node, node.body, place);
      case "SwitchStatement": {
        this.#push(node.discriminant, place);
        const statements = node.cases.flatMap(({ consequent }) => consequent);
        const inner = declares(statements) ? this.#scope("block", scope, node) : scope;
        for (const each of node.cases) this.#push(each, place, inner);
        return;
      }
      case "CatchClause": {
        const inner = this.#scope("block", scope, node);
        this.#push(node.param, place, inner, { kind: "catch", scope: inner, init: true });
        return this.#push(node.body, place, inner);
      }
      case "ForStatement": {
        const inner = node.init && declares([node.init]) ? this.#scope("block", scope, node) : scope;
        this.#push(node.init, place, inner);
        for (const part of [node.test, node.update, node.body]) this.#push(part, place, inner, undefined, true);
        return;
      }
      case "ForInStatement":
      case "ForOfStatement": {
        const inner = declares([node.left]) ? this.#scope("block", scope, node) : scope;
        const isDeclared = node.left.type === "VariableDeclaration";
        this.#push(node.left, place, inner, isDeclared ? undefined : "write", true);
        this.#push(node.right, place, inner);
        return this.#push(node.body, place, inner, undefined, true);
      }
      case "WhileStatement":
      case "DoWhileStatement":
        this.#push(node.test, place, scope, undefined, true);
        return this.#push(node.body, place, scope, undefined, true);
      case "ImportDeclaration":
        for (const { local } of node.specifiers) scope.declare(local.name, "import", local.start);
        return;
      case "ExportNamedDeclaration":
        this.#push(node.declaration, place);
        if (!node.source) for (const { local } of node.specifiers) this.#push(local, place);
        return;
    }
    for (const child of children(node)) this.#push(child, place);
  }

  #identifier(node: Acorn.Identifier, place: Place): void {
    const { role, scope } = place;
    if (role === undefined || role === "write") {
      this.#references.push({ node, place, kind: role === undefined ? "read" : "write", binding: undefined });
      return;
    }
    role.scope.declare(node.name, role.kind, node.start);
    // Where the initialiser of a `var` stands, the name may mean something nearer: the parameter of a catch clause.
    if (role.kind === "var" && role.init) {
      this.#references.push({ node, place: { ...place, scope }, kind: "init", binding: undefined });
    }
  }

  #variables(node: Acorn.VariableDeclaration, place: Place): void {
    const kind = node.kind === "var" || node.kind === "let" ? node.kind : "const";
    const scope = kind === "var" ? place.scope.home : place.scope;
    const around = place.outer?.node as Acorn.AnyNode | undefined;
    const isTarget = (around?.type === "ForOfStatement" || around?.type === "ForInStatement") && around.left === node;
    for (const declarator of node.declarations) {
      const outer: Place = { ...place, node: declarator, outer: place };
      this.#push(declarator.id, outer, place.scope, { kind, scope, init: isTarget || Boolean(declarator.init) });
      this.#push(declarator.init, outer);
    }
  }

  #functionName(
    node: Acorn.FunctionDeclaration | Acorn.AnonymousFunctionDeclaration,
    id: Acorn.Identifier,
    place: Place,
  ) {
    const { scope } = place;
    scope.declare(id.name, "function", id.start);
    const isPlain = !node.async && !node.generator;
    if (scope !== scope.home && isPlain && !scope.strict) this.#blockFunctions.push({ id, scope, place });
  }

  #function(node: Acorn.Function & Syntax, place: Place, outer: Scope): void {
    const scope = this.#scope("function", outer, node);
    scope.strict ||= hasUseStrict(node);
    const isSimple = hasSimpleParameters(node);
    if (node.type !== "ArrowFunctionExpression") {
      scope.outerThis = false;
      scope.ownThis = place.outer === undefined;
      scope.outerSuper = place.outer === undefined && this.#options.isMethod === true;
      scope.hasArguments = true;
      scope.mapsArguments = isSimple && !scope.strict;
    }
    for (const parameter of node.params) {
      this.#push(parameter, place, scope, { kind: "parameter", scope, init: true }, false);
    }
    const { body } = node;
    if (body.type !== "BlockStatement") return this.#push(body, place, scope, undefined, false);
    // Defaults of parameters do not see what the body declares.
    const inner = isSimple ? scope : this.#scope("body", scope, body);
    const around: Place = { node: body, outer: place, scope: inner, role: undefined, inLoop: false };
    for (const statement of body.body) this.#push(statement, around);
  }

  #class(node: ClassNode | Acorn.AnonymousClassDeclaration, place: Place): void {
    const { id } = node;
    if (id && node.type === "ClassDeclaration") place.scope.declare(id.name, "class", id.start);
    const scope = this.#scope("class", place.scope, node, true);
    if (id) scope.declare(id.name, "name", id.start);
    scope.privates = declaredPrivates(node.body);
    this.#push(node.superClass, place, scope);
    const around: Place = { node: node.body, outer: place, scope, role: undefined, inLoop: false };
    for (const member of node.body.body) {
      if (this.#options.skip?.has(member)) continue;
      const here: Place = { ...around, node: member, outer: around };
      if (member.type === "StaticBlock") {
        this.#statementsOf(member.body, here, this.#field(scope, member));
        continue;
      }
      if (member.computed) this.#push(member.key, here);
      if (member.type === "MethodDefinition") this.#push(member.value, here);
      else if (member.value) this.#push(member.value, here, this.#field(scope, member.value), undefined, false);
    }
  }

  #field(outer: Scope, node: Syntax): Scope {
    const scope = this.#scope("field", outer, node);
    scope.outerThis = false;
    scope.ownThis = false;
    scope.outerSuper = false;
    return scope;
  }

  #statements(node: Syntax, statements: readonly Syntax[], place: Place): void {
    this.#statementsOf(statements, place, declares(statements) ? this.#scope("block", place.scope, node) : place.scope);
  }

  #statementsOf(statements: readonly Syntax[], place: Place, scope: Scope): void {
    for (const statement of statements) this.#push(statement, place, scope);
  }

  #unknownPrivates(): Map<string, number[]> {
    const unknown = new Map<string, number[]>();
    for (const { name, at, scope } of this.#privates.sort((a, b) => a.at - b.at)) {
      if (scope.knowsPrivate(name)) continue;
      const sites = unknown.get(name);
      if (sites === undefined) unknown.set(name, [at]);
      else sites.push(at);
    }
    return unknown;
  }
}

const ascending = (a: number, b: number): number => a - b;
