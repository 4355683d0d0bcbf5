import type * as Acorn from "acorn";
import { literalText, memberName } from "./free.js";

/** What a local name of a module stands for in another module. */
export interface ImportRecord {
  readonly specifier: string;
  /** The export; `default`; `*` for the namespace, or `module.exports` of what is required. */
  readonly imported: string;
  readonly kind: "import" | "require";
  /**
   * The compiler's function around `require()` that makes a new object, which has the exports as members and
   * `module.exports` as `default` (`namespace`), or the latter only (`default`).
   */
  readonly interop: "namespace" | "default" | undefined;
}

/**
 * The imports that statements of a module's outermost level declare, by local name.
 * @param isSettled Whether what a local's identifier declares is never given another value.
 */
export function importsOf(
  body: readonly (Acorn.Statement | Acorn.ModuleDeclaration)[],
  isSettled: (local: Acorn.Identifier) => boolean,
): Map<string, ImportRecord> {
  const found = new Map<string, ImportRecord>();
  const add = (local: Acorn.Identifier, record: ImportRecord) => {
    if (isSettled(local)) found.set(local.name, record);
  };
  for (const statement of body) {
    if (statement.type === "ImportDeclaration") declared(statement, add);
    else if (statement.type === "VariableDeclaration") variables(statement, add);
    else if (statement.type === "ExportNamedDeclaration" && statement.declaration?.type === "VariableDeclaration") {
      variables(statement.declaration, add);
    }
  }
  return found;
}

/** Whether a module makes its `require` itself, by Node's function for that. */
export function createsRequire(body: readonly (Acorn.Statement | Acorn.ModuleDeclaration)[]): boolean {
  return body.some(
    (statement) =>
      statement.type === "VariableDeclaration" &&
      statement.declarations.some(
        ({ id, init }) =>
          id.type === "Identifier" &&
          requires.has(id.name) &&
          init?.type === "CallExpression" &&
          calleeName(init.callee) === "createRequire",
      ),
  );
}

type Add = (local: Acorn.Identifier, record: ImportRecord) => void;

function declared({ specifiers, source }: Acorn.ImportDeclaration, add: Add): void {
  for (const each of specifiers) {
    const imported =
      each.type === "ImportSpecifier"
        ? keyName(each.imported)
        : each.type === "ImportDefaultSpecifier"
          ? "default"
          : "*";
    if (imported === undefined) continue;
    add(each.local, { specifier: String(source.value), imported, kind: "import", interop: undefined });
  }
}

function variables({ declarations }: Acorn.VariableDeclaration, add: Add): void {
  for (const { id, init } of declarations) {
    const record = init ? recordOf(init) : undefined;
    if (record === undefined) continue;
    if (id.type === "Identifier") add(id, record);
    else if (id.type === "ObjectPattern" && record.imported === "*") {
      for (const property of id.properties) {
        // A default or a rest makes something else of it.
        if (property.type !== "Property" || property.computed || property.value.type !== "Identifier") continue;
        const imported = keyName(property.key);
        if (imported !== undefined) add(property.value, { ...record, imported });
      }
    }
  }
}

function recordOf(node: Acorn.Expression): ImportRecord | undefined {
  switch (node.type) {
    case "MemberExpression": {
      const member = memberName(node);
      const record = member === undefined ? undefined : recordOf(node.object as Acorn.Expression);
      return record?.imported === "*" && member !== undefined ? { ...record, imported: member } : undefined;
    }
    case "AwaitExpression": {
      const asked = node.argument;
      const isImport = asked.type === "ImportExpression";
      if (!isImport && !(asked.type === "CallExpression" && isNamed(asked.callee, viteLoaders))) return undefined;
      return recordFor(isImport ? asked.source : asked.arguments[0], "import");
    }
    case "CallExpression": {
      if (isNamed(node.callee, requires)) return recordFor(node.arguments[0], "require");
      const name = calleeName(node.callee);
      const interop = namespaceMakers.has(name) ? "namespace" : defaultMakers.has(name) ? "default" : undefined;
      const record = interop && node.arguments[0] ? recordOf(node.arguments[0] as Acorn.Expression) : undefined;
      return record?.kind === "require" && record.imported === "*" ? { ...record, interop } : undefined;
    }
    default:
      return undefined;
  }
}

const requires: ReadonlySet<string> = new Set(["require", "__require"]);
const viteLoaders: ReadonlySet<string> = new Set(["__vite_ssr_import__", "__vite_ssr_dynamic_import__"]);
// esbuild, TypeScript, babel, swc.
const namespaceMakers: ReadonlySet<string> = new Set([
  "__toESM",
  "__importStar",
  "_interopRequireWildcard",
  "_interop_require_wildcard",
  "_interopNamespace",
]);
const defaultMakers: ReadonlySet<string> = new Set([
  "__importDefault",
  "_interopRequireDefault",
  "_interop_require_default",
  "_interopDefault",
]);

function isNamed(callee: Acorn.Expression | Acorn.Super, names: ReadonlySet<string>): boolean {
  return callee.type === "Identifier" && names.has(callee.name);
}

/** `tslib_1.__importStar`, `_wildcard._`: compilers import their helpers as well. */
function calleeName(callee: Acorn.Expression | Acorn.Super): string {
  if (callee.type === "Identifier") return callee.name;
  if (callee.type === "SequenceExpression") return calleeName(callee.expressions.at(-1) as Acorn.Expression);
  if (callee.type !== "MemberExpression") return "";
  const member = memberName(callee) ?? "";
  return member === "_" && callee.object.type === "Identifier" ? callee.object.name : member;
}

function recordFor(
  source: Acorn.Expression | Acorn.SpreadElement | undefined,
  kind: ImportRecord["kind"],
): ImportRecord | undefined {
  const specifier = literalText(source);
  return specifier === undefined ? undefined : { specifier, imported: "*", kind, interop: undefined };
}

function keyName(key: Acorn.Expression | Acorn.Literal): string | undefined {
  return key.type === "Identifier" ? key.name : literalText(key);
}

/** Something of another module that a module hands on. */
export interface HandedOn {
  /** The name under which it does; `*` for all of the other module's names. */
  readonly as: string;
  readonly specifier: string;
  /** The export of the other module; `*` for its namespace, or with `as` `*` for everything. */
  readonly imported: string;
}

export function handedOnBy(body: readonly (Acorn.Statement | Acorn.ModuleDeclaration)[]): HandedOn[] {
  const found: HandedOn[] = [];
  for (const statement of body) {
    if (statement.type === "ExportAllDeclaration") {
      const as = statement.exported ? keyName(statement.exported) : "*";
      if (as !== undefined) found.push({ as, specifier: String(statement.source.value), imported: "*" });
    } else if (statement.type === "ExportNamedDeclaration" && statement.source) {
      for (const { local, exported } of statement.specifiers) {
        const [imported, as] = [keyName(local), keyName(exported)];
        if (imported === undefined || as === undefined) continue;
        found.push({ as, specifier: String(statement.source.value), imported });
      }
    }
  }
  return found;
}

/** The module's variables that others can import, by the names under which they do. */
export function exportsOf(body: readonly (Acorn.Statement | Acorn.ModuleDeclaration)[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const statement of body) {
    if (statement.type !== "ExportNamedDeclaration" || statement.source) continue;
    for (const { local, exported } of statement.specifiers) {
      const [name, as] = [keyName(local), keyName(exported)];
      if (name !== undefined && as !== undefined) found.set(as, name);
    }
    const { declaration } = statement;
    if (declaration?.type === "VariableDeclaration") {
      for (const { id } of declaration.declarations) if (id.type === "Identifier") found.set(id.name, id.name);
    } else if (declaration?.id) found.set(declaration.id.name, declaration.id.name);
  }
  return found;
}
