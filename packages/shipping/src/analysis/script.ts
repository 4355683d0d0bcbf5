import type * as Acorn from "acorn";
import { acorn } from "./parser.js";
import { scan } from "./scan.js";
import type { Binding, BindingKind, Scope } from "./scopes.js";
import {
  createsRequire,
  exportsOf,
  type HandedOn,
  handedOnBy,
  type ImportRecord,
  importsOf,
} from "./script-imports.js";
import { hasUseStrict } from "./shapes.js";
import type { Syntax } from "./syntax.js";

/** Which declaration a name means at some place of a script. Two places mean the same if `at` and `scope` are equal. */
export interface BindingFacts {
  /** Where the identifier begins that declares it. */
  readonly at: number;
  /** The number of the scope in which it is declared, within the script. */
  readonly scope: number;
  readonly kind: BindingKind;
  /** Whether there is one of it for the whole module, not one for each run of a function or loop. */
  readonly isTop: boolean;
  /** Whether nothing gives it a value but its own initialiser. */
  readonly isConstant: boolean;
}

/** What the whole text of a script or module tells about the functions in it. Offsets count from the text's beginning. */
export interface ScriptFacts {
  /** Whether the script as a whole is strict. */
  readonly strict: boolean;
  /** By local name. */
  readonly imports: ReadonlyMap<string, ImportRecord>;
  /** Of an ES module, the local names of what it exports, by exported name. */
  readonly exports: ReadonlyMap<string, string>;
  readonly handedOn: readonly HandedOn[];
  /** Whether code at a place is strict. */
  strictAt(offset: number): boolean;
  /**
   * What a free name of a function means that stands at a place: at its first character or at its parameters. Undefined
   * for a name that the script does not declare.
   */
  bindingAt(name: string, offset: number): BindingFacts | undefined;
  /** {@link BindingFacts.isConstant}; undefined for a name that the script does not declare. */
  isConstant(name: string, offset: number): boolean | undefined;
}

/** Reads a whole script as V8 has it; undefined if it is none that can be read. A CommonJS module is a script. */
export function analyseScript(text: string, isModule: boolean): ScriptFacts | undefined {
  try {
    const program = acorn().parse(text, {
      ecmaVersion: "latest",
      // What may stand in a function may stand in a CommonJS module.
      sourceType: isModule ? "module" : "commonjs",
    });
    return new Script(program, isModule);
  } catch (error) {
    // acorn descends by recursion.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

class Script implements ScriptFacts {
  readonly strict: boolean;
  readonly imports: ReadonlyMap<string, ImportRecord>;
  readonly exports: ReadonlyMap<string, string>;
  readonly handedOn: readonly HandedOn[];
  readonly #scopes: readonly Scope[];
  /** The numbers of scopes. */
  readonly #numbers: ReadonlyMap<Scope, number>;
  /** Where the module's own variables are. */
  readonly #top: ReadonlySet<string>;
  readonly #hidden: readonly number[];

  constructor(program: Acorn.Program, isModule: boolean) {
    this.strict = isModule || hasUseStrict(program);
    const scanned = scan(program, { strict: this.strict });
    this.#scopes = scanned.scopes;
    this.#hidden = [...scanned.directEvals, ...scanned.withs];
    this.#numbers = new Map(this.#scopes.map((scope, number) => [scope, number]));
    const { around, body } = outermost(program);
    this.#top = new Set(around.map(spanOf));
    const inside = body[0]?.start ?? 0;
    const require = this.#scopeAt(inside)?.find("require");
    // A module may call something else `require`; test runners hand the real one in.
    const isRequire = require === undefined || require.kind === "parameter" || createsRequire(body);
    this.exports = exportsOf(body);
    this.handedOn = handedOnBy(body);
    this.imports = new Map(
      [...importsOf(body, ({ name, start }) => this.isConstant(name, start) === true)].filter(
        ([, { kind }]) => kind === "import" || isRequire,
      ),
    );
  }

  strictAt(offset: number): boolean {
    return this.#scopeAt(offset)?.strict ?? this.strict;
  }

  bindingAt(name: string, offset: number): BindingFacts | undefined {
    const binding = this.#scopeAt(offset)?.find(name);
    if (binding === undefined) return undefined;
    const { at, scope, kind } = binding;
    return {
      at,
      scope: this.#numbers.get(scope) as number,
      kind,
      isTop: scope.kind === "top" || this.#top.has(spanOf(scope)),
      isConstant: fixed.has(kind) || (!this.#isHidden(scope) && isConstant(binding)),
    };
  }

  isConstant(name: string, offset: number): boolean | undefined {
    return this.bindingAt(name, offset)?.isConstant;
  }

  /** Whether text that is not there yet may write what a scope declares. */
  #isHidden({ start, end }: Scope): boolean {
    return this.#hidden.some((at) => start <= at && at < end);
  }

  /** The innermost scope around a place. */
  #scopeAt(offset: number): Scope | undefined {
    let [low, high] = [0, this.#scopes.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#scopes[middle] as Scope).start <= offset) low = middle;
      else high = middle - 1;
    }
    let scope = this.#scopes[low];
    while (scope?.outer !== undefined && scope.end <= offset) scope = scope.outer;
    return scope;
  }
}

// Who writes one of these gets an error.
const fixed: ReadonlySet<BindingKind> = new Set(["const", "import", "name"]);

// The first value of a parameter, an import, a function and a class is none of the initialisers that are counted.
function isConstant({ written, initialised }: Binding): boolean {
  return !written && initialised <= 1;
}

function spanOf({ start, end }: Syntax | Scope): string {
  return `${start}-${end}`;
}

interface Outermost {
  /** What stands around the module's statements, if a function does. */
  readonly around: readonly Syntax[];
  readonly body: readonly (Acorn.Statement | Acorn.ModuleDeclaration)[];
}

// Test runners put a module into a function: `'use strict';async (...) => {{ ... }}`.
function outermost({ body: statements }: Acorn.Program): Outermost {
  const [only, ...others] = statements.filter((each) => each.type !== "ExpressionStatement" || !each.directive);
  const fn = only?.type === "ExpressionStatement" ? only.expression : undefined;
  const isFunction = fn?.type === "ArrowFunctionExpression" || fn?.type === "FunctionExpression";
  if (others.length > 0 || !isFunction || fn.body.type !== "BlockStatement") return { around: [], body: statements };
  const around: Syntax[] = [fn, fn.body];
  let { body } = fn.body;
  while (body.length === 1 && body[0]?.type === "BlockStatement") {
    around.push(body[0]);
    body = body[0].body;
  }
  return { around, body };
}
