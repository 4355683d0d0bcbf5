import { isStandardGlobal } from "./analysis/globals.js";
import type { Understood, UnderstoodFunction } from "./analysis/understand.js";
import type { Helper } from "./code.js";
import type { InspectorUnavailable } from "./inspect/session.js";
import { refuseKind, type Subject } from "./refusal.js";
import { isRelative } from "./specifier.js";

/**
 * What can be shipped of a function when nobody can look at what it sees: its text, if it uses only globals, packages
 * that it imports by name, and `task.context()`. That a variable hides a global cannot be seen then.
 * @throws ShippingError saying why, and how to allow it
 */
export function withoutInspector(
  text: Understood | undefined,
  subject: Subject,
  { reason }: InspectorUnavailable,
): [UnderstoodFunction, Readonly<Record<string, Helper>>] {
  const helpers: Record<string, Helper> = {};
  const names: string[] = [];
  if (text?.kind === "function") {
    for (const [name, use] of text.free) {
      if (isStandardGlobal(name) || (name === "__name" && use.namesOnly)) continue;
      const helper = contextHelper(name, use.paths);
      if (helper === undefined) names.push(name);
      else helpers[name] = helper;
    }
    const { lexical } = text;
    if (lexical.this.length > 0) names.push("this");
    if (lexical.arguments.length > 0) names.push("arguments");
    if (lexical.meta.length > 0) names.push("import.meta");
    for (const { specifier } of text.imports)
      if (specifier !== undefined && isRelative(specifier)) names.push(specifier);
    if (names.length === 0 && lexical.super.length + lexical.newTarget.length + lexical.privates.size === 0) {
      return [text, helpers];
    }
  }
  const what = names.length === 0 ? "what is around it" : names.map((name) => `"${name}"`).join(", ");
  throw refuseKind(
    subject,
    `uses ${what}, which only Node's inspector can read, and it cannot be used: ${reason}`,
    'Allow the inspector, pass what the function needs as arguments, or submit task(import.meta.url, "name").',
  );
}

const namespace = /^(?:__vite_ssr_import_\d+__|__vi_import_\d+__|import_\w+|pydist(?:_\d+)?)$/;

/** The helper that supplies `task.context()`, and `pydist.task.context()` with the names that compilers give modules. */
function contextHelper(name: string, paths: readonly (readonly string[])[]): Helper | undefined {
  const wanted = namespace.test(name) ? "task.context" : name === "task" ? "context" : undefined;
  if (wanted === undefined || !paths.every((path) => path.join(".") === wanted)) return undefined;
  return name === "task" ? "task" : "pydist";
}
