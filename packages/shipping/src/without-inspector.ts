import { readFileSync } from "node:fs";
import type { FreeName } from "./analysis/free.js";
import { isStandardGlobal } from "./analysis/globals.js";
import { analyseScript } from "./analysis/script.js";
import type { Understood, UnderstoodFunction } from "./analysis/understand.js";
import { callerFile } from "./caller.js";
import { useOwn } from "./capture/complaints.js";
import { compiledName } from "./capture/namespaces.js";
import { changedMember } from "./capture/originals.js";
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
  const reference = `submit task(import.meta.url, "${/^[\w$]+$/.test(subject.name) ? subject.name : "name"}")`;
  const helpers: Record<string, Helper> = {};
  const names: string[] = [];
  if (text?.kind === "function") {
    const around = kindOfVariables(subject.source);
    for (const [name, use] of text.free) {
      if (name === "__name" && use.namesOnly) continue;
      if (isStandardGlobal(name) && around(name) === "none") {
        checkGlobal(name, use, subject);
        continue;
      }
      const helper = around(name) === "own" ? undefined : contextHelper(name, use.paths);
      if (helper === undefined) names.push(name);
      else helpers[name] = helper;
    }
    const { lexical } = text;
    checkLost(lexical, subject, reference);
    if (lexical.this.length > 0) names.push("this");
    if (lexical.arguments !== undefined) names.push("arguments");
    if (lexical.meta.length > 0) names.push("import.meta");
    for (const { specifier } of text.imports) {
      if (specifier !== undefined && isRelative(specifier)) names.push(specifier);
    }
    if (names.length === 0) return [text, helpers];
  }
  const what = names.length === 0 ? "what is around it" : names.map((name) => `"${name}"`).join(", ");
  throw refuseKind(
    subject,
    `uses ${what}, which only Node's inspector can read, and it cannot be used: ${reason}`,
    `${wayToAllow(reason)}, pass what the function needs as arguments, or ${reference}.`,
  );
}

function checkGlobal(name: string, { reads }: FreeName, subject: Subject): void {
  const changed = changedMember(
    globalThis,
    reads.map((read) => [name, ...read]),
  );
  if (changed === undefined) return;
  throw refuseKind(subject, `uses "${changed.join(".")}", which this program has made or changed`, useOwn);
}

/** What nobody could read, even with the inspector. */
function checkLost(lexical: UnderstoodFunction["lexical"], subject: Subject, reference: string): void {
  const names = [...lexical.privates.keys()];
  if (lexical.super.length > 0) names.push("super");
  if (lexical.newTarget.length > 0) names.push("new.target");
  if (names.length === 0) return;
  throw refuseKind(
    subject,
    `uses ${names.join(", ")}, which means nothing without what is around the function`,
    `Write it without, or ${reference}.`,
  );
}

function wayToAllow(reason: string): string {
  if (reason.includes("--allow-inspector")) return "Start Node with --allow-inspector";
  return reason.includes("permission model") ? "Start Node without the permission model" : "Use a Node that has it";
}

/** What names mean in the file that submits, if the function stands there; "none" where that is not known. */
function kindOfVariables(source: string): (name: string) => "import" | "own" | "none" {
  const script = textOf(callerFile());
  if (script === undefined) return () => "none";
  const facts = analyseScript(script, true) ?? analyseScript(script, false);
  if (facts === undefined) return () => "none";
  const offsets = offsetsOf(source, script);
  return (name) => {
    // The same text may stand in several places: then it is any of them.
    const bindings = offsets.map((offset) => facts.bindingAt(name, offset)).filter((binding) => binding !== undefined);
    if (bindings.length === 0) return "none";
    return facts.imports.has(name) && bindings.every(({ isTop }) => isTop) ? "import" : "own";
  };
}

function offsetsOf(source: string, script: string): number[] {
  const offsets: number[] = [];
  for (let at = script.indexOf(source); at !== -1; at = script.indexOf(source, at + 1)) offsets.push(at);
  return offsets;
}

function textOf(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : readFileSync(file, "utf8");
  } catch {
    // The permission model may forbid that as well.
    return undefined;
  }
}

const ownName = /^pydist(?:_\d+)?$/;

/** The helper that supplies `task.context()`, and `pydist.task.context()` with the names that compilers give modules. */
function contextHelper(name: string, paths: readonly (readonly string[])[]): Helper | undefined {
  const wanted =
    compiledName.test(name) || ownName.test(name) ? "task.context" : name === "task" ? "context" : undefined;
  if (wanted === undefined || !paths.every((path) => path.join(".") === wanted)) return undefined;
  return name === "task" ? "task" : "pydist";
}
