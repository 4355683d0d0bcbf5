import type * as Acorn from "acorn";
import type { Helper } from "../code.js";
import { isFileName, isModuleName, isStandardGlobal } from "./globals.js";
import type { Syntax } from "./syntax.js";

/** Why something a function uses is not its own. Each has words and a remedy of its own in the refusal. */
export type UseKind =
  | "variable"
  | "itself"
  | "user-global"
  | "import"
  | "require"
  | "module-object"
  | "file-name"
  | "import.meta"
  | "arguments"
  | "lexical"
  | "method-this"
  | "private-name"
  | "node-crypto"
  | "timers-promises"
  | "coverage"
  | "compiler-helper";

/** Something from outside that a function uses: what it is called and the nodes where it is used. */
export interface RawUse {
  readonly kind: UseKind;
  readonly name: string;
  readonly nodes: readonly Syntax[];
}

const importNamespace = /^(?:__vite_ssr_import_\d+__|__vi_import_\d+__|import_\w+)$/;
// TypeScript names the CommonJS module of an import by its specifier.
const pydistNamespace = /^pydist(?:_\d+)?$/;
const coverageCounter = /^cov_[0-9a-z]+$/;
// TypeScript, babel and swc, when the target is older than what they compile; esbuild when it lowers classes.
const compilerHelper =
  /^(?:__(?:awaiter|generator|asyncGenerator|asyncValues|await|rest|assign|spreadArray|read|values|decorate|esDecorate|classPrivateField\w+|importStar|importDefault|toESM|publicField|private\w+|spreadValues|spreadProps|objRest|async|using|callDispose)|_(?:asyncToGenerator|async_to_generator|objectSpread|object_spread\w*|classCallCheck|class_call_check|defineProperty|define_property|toConsumableArray)|tslib_\d+|regeneratorRuntime)$/;

const webCrypto = new Set(["subtle", "getRandomValues", "randomUUID", "constructor", "toString"]);
const timers = new Set(["setTimeout", "setInterval", "setImmediate"]);

/**
 * Tells what a free name stands for; several uses when it is the compiled form of several imports, none when every
 * node has it.
 */
export function classify(
  name: string,
  nodes: readonly Acorn.Identifier[],
  parents: ReadonlyMap<Syntax, Syntax>,
  ownName: string,
): RawUse[] {
  const use = (kind: UseKind): RawUse[] => [{ kind, name, nodes }];
  if (name === "arguments") return use("arguments");
  if (isStandardGlobal(name)) return shadowed(name, nodes, parents);
  if (name === "__vite_ssr_import_meta__") return [{ kind: "import.meta", name: "import.meta", nodes }];
  if (importNamespace.test(name)) return imports(nodes, parents);
  if (coverageCounter.test(name)) return use("coverage");
  if (compilerHelper.test(name)) return use("compiler-helper");
  if (isModuleName(name)) return use(name === "require" ? name : isFileName(name) ? "file-name" : "module-object");
  if (name === ownName) return use("itself");
  return use(name in globalThis ? "user-global" : "variable");
}

/** The uses of a name that ask for the running task's context, which a node supplies, and the helper that does. */
export interface ContextUses {
  readonly helper: Extract<Helper, "task" | "pydist">;
  readonly nodes: ReadonlySet<Syntax>;
}

/** Finds `task.context()`, and `pydist.task.context()` with whatever name compilers give to the imported module. */
export function contextUses(
  name: string,
  nodes: readonly Acorn.Identifier[],
  parents: ReadonlyMap<Syntax, Syntax>,
): ContextUses | undefined {
  const isNamespace = importNamespace.test(name) || pydistNamespace.test(name);
  if (name !== "task" && !isNamespace) return undefined;
  const path = isNamespace ? ["task", "context"] : ["context"];
  const found = nodes.filter((node) => {
    let place: Syntax | undefined = node;
    for (const member of path) {
      if (place === undefined || memberOf(place, parents) !== member) return false;
      place = parents.get(place);
    }
    return place !== undefined && callOf(place, parents) !== undefined;
  });
  return found.length === 0 ? undefined : { helper: isNamespace ? "pydist" : "task", nodes: new Set(found) };
}

/** Whether a name is used only as esbuild's helper that keeps names is: `__name(f, "f")`. */
export function isKeepNames(nodes: readonly Acorn.Identifier[], parents: ReadonlyMap<Syntax, Syntax>): boolean {
  return nodes.every((node) => {
    const call = callOf(node, parents);
    const label = call?.arguments[1];
    return call?.arguments.length === 2 && label?.type === "Literal" && typeof label.value === "string";
  });
}

/** The call whose callee a name is. */
export function callOf(node: Syntax, parents: ReadonlyMap<Syntax, Syntax>): Acorn.CallExpression | undefined {
  const parent = parents.get(node);
  if (parent?.type !== "CallExpression") return undefined;
  const call = parent as Acorn.CallExpression;
  return (call.callee as Syntax) === node ? call : undefined;
}

// Two imports that Node users name like a global and that are something else. They show by how they are used; that any
// other variable of the module hides a global cannot be seen in the function's text.
function shadowed(name: string, nodes: readonly Acorn.Identifier[], parents: ReadonlyMap<Syntax, Syntax>): RawUse[] {
  if (name === "crypto") {
    const foreign = nodes.filter((node) => {
      const member = memberOf(node, parents);
      return member !== undefined && !webCrypto.has(member);
    });
    return foreign.length === 0 ? [] : [{ kind: "node-crypto", name, nodes: foreign }];
  }
  if (timers.has(name)) {
    const awaited = nodes.filter((node) => {
      const call = callOf(node, parents);
      const around = call && parents.get(call);
      return around?.type === "AwaitExpression" || (around?.type === "ForOfStatement" && isAwaited(around));
    });
    return awaited.length === 0 ? [] : [{ kind: "timers-promises", name, nodes: awaited }];
  }
  return [];
}

function isAwaited(loop: Syntax): boolean {
  return (loop as Acorn.ForOfStatement).await;
}

function imports(nodes: readonly Acorn.Identifier[], parents: ReadonlyMap<Syntax, Syntax>): RawUse[] {
  const members = new Map<string, Syntax[]>();
  for (const node of nodes) {
    const member = memberOf(node, parents) ?? "*";
    const uses = members.get(member);
    if (uses === undefined) members.set(member, [node]);
    else uses.push(node);
  }
  return [...members].map(([name, uses]) => ({ kind: "import", name, nodes: uses }));
}

/** `name` in `node.name`. */
function memberOf(node: Syntax, parents: ReadonlyMap<Syntax, Syntax>): string | undefined {
  const parent = parents.get(node);
  if (parent?.type !== "MemberExpression") return undefined;
  const member = parent as Acorn.MemberExpression;
  if ((member.object as Syntax) !== node || member.computed || member.property.type !== "Identifier") return undefined;
  return member.property.name;
}
