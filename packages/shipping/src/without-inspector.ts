import { readFileSync } from "node:fs";
import { isStandardGlobal } from "./analysis/globals.js";
import { analyseScript } from "./analysis/script.js";
import type { Understood, UnderstoodFunction } from "./analysis/understand.js";
import { callerFile } from "./caller.js";
import type { Helper } from "./code.js";
import type { InspectorUnavailable } from "./inspect/session.js";
import { refuseKind, type Subject } from "./refusal.js";
import { isRelative } from "./specifier.js";

/**
 * What can be shipped of a function when nobody can look at what it sees: its text, if it uses only globals, packages
 * that it imports by name, and `task.context()`. That a variable hides a global is seen only where the function stands in
 * the file that submits it, as it is on the disk.
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
    const around = kindOfVariables(subject.source);
    for (const [name, use] of text.free) {
      if (name === "__name" && use.namesOnly) continue;
      if (isStandardGlobal(name) && around(name) === "none") continue;
      const helper = around(name) === "own" ? undefined : contextHelper(name, use.paths);
      if (helper === undefined) names.push(name);
      else helpers[name] = helper;
    }
    const { lexical } = text;
    if (lexical.this.length > 0) names.push("this");
    if (lexical.super.length > 0) names.push("super");
    if (lexical.newTarget.length > 0) names.push("new.target");
    if (lexical.arguments.length > 0) names.push("arguments");
    if (lexical.meta.length > 0) names.push("import.meta");
    names.push(...lexical.privates.keys());
    for (const { specifier } of text.imports) {
      if (specifier !== undefined && isRelative(specifier)) names.push(specifier);
    }
    if (names.length === 0) return [text, helpers];
  }
  const what = names.length === 0 ? "what is around it" : names.map((name) => `"${name}"`).join(", ");
  throw refuseKind(
    subject,
    `uses ${what}, which only Node's inspector can read, and it cannot be used: ${reason}`,
    `${wayToAllow(reason)}, pass what the function needs as arguments, or submit task(import.meta.url, "${subject.name || "name"}").`,
  );
}

function wayToAllow(reason: string): string {
  if (reason.includes("--allow-inspector")) return "Start Node with --allow-inspector";
  return reason.includes("permission model") ? "Start Node without the permission model" : "Use a Node that has it";
}

/** What names mean in the file that submits, if the function stands there; "none" where that is not known. */
function kindOfVariables(source: string): (name: string) => "import" | "own" | "none" {
  const script = textOf(callerFile());
  const offset = script?.indexOf(source) ?? -1;
  if (script === undefined || offset === -1) return () => "none";
  const facts = analyseScript(script, true) ?? analyseScript(script, false);
  return (name) => {
    const binding = facts?.bindingAt(name, offset);
    if (binding === undefined) return "none";
    return binding.isTop && facts?.imports.has(name) === true ? "import" : "own";
  };
}

function textOf(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : readFileSync(file, "utf8");
  } catch {
    // The permission model may forbid that as well.
    return undefined;
  }
}

const namespace = /^(?:__vite_ssr_import_\d+__|__vi_import_\d+__|import_\w+|pydist(?:_\d+)?)$/;

/** The helper that supplies `task.context()`, and `pydist.task.context()` with the names that compilers give modules. */
function contextHelper(name: string, paths: readonly (readonly string[])[]): Helper | undefined {
  const wanted = namespace.test(name) ? "task.context" : name === "task" ? "context" : undefined;
  if (wanted === undefined || !paths.every((path) => path.join(".") === wanted)) return undefined;
  return name === "task" ? "task" : "pydist";
}
