import { ShippingError } from "@pydist/protocol";
import type { FunctionAnalysis, Obstacle, Use } from "./analysis/analyse.js";
import type { Position } from "./analysis/syntax.js";
import { callerLocation } from "./caller.js";

/** Who refuses what: the user's call (`submit`) and the function as it is called in messages. */
export interface Subject {
  readonly what: string;
  readonly name: string;
  readonly source: string;
}

/** The error for a function that uses what cannot follow it. */
export function refuseUses(subject: Subject, { uses, obstacles }: FunctionAnalysis): ShippingError {
  const clauses = obstacles.map(obstacleClause);
  if (uses.length > 0) {
    clauses.unshift(`uses ${listed(uses.map(useLabel))} from outside itself, but only its own text travels`);
  }
  const remedies = new Set([
    ...(uses.some(isOrdinary) ? [`Pass what it needs as arguments, ${moveRemedy(subject)}`] : []),
    ...uses.map((use) => useRemedy(use)),
    ...obstacles.map((obstacle) => obstacleRemedy(obstacle, subject)),
  ]);
  remedies.delete("");
  return refusal(
    subject,
    clauses.join("; it "),
    [...remedies].join(" "),
    uses.map((use) => use.name),
  );
}

/** The error for a function that is of the wrong kind, whatever it uses. */
export function refuseKind(subject: Subject, reason: string, remedy: string): ShippingError {
  return refusal(subject, reason, remedy);
}

function refusal(subject: Subject, reason: string, remedy: string, names?: readonly string[]): ShippingError {
  const location = callerLocation();
  const positions = names === undefined ? "" : " Positions are line:column within the function.";
  const where = location === undefined ? "" : ` Called at ${location}.`;
  return new ShippingError(`${subject.what}: ${called(subject)} ${reason}. ${remedy}${positions}${where}`, {
    remedy,
    ...(location === undefined ? {} : { location }),
    ...(names === undefined ? {} : { names }),
  });
}

function called({ name, source }: Subject): string {
  if (name !== "") return `function "${name}"`;
  if (source === "") return "the function";
  const [firstLine = ""] = source.split("\n", 1);
  const excerpt = firstLine.length > 50 ? `${firstLine.slice(0, 49)}…` : firstLine;
  return `function \`${excerpt}\``;
}

function useLabel({ kind, name, at }: Use): string {
  return `${useWords(kind, name)} (${places(at)})`;
}

function useWords(kind: Use["kind"], name: string): string {
  switch (kind) {
    case "user-global":
      return `the program's own global "${name}"`;
    case "import":
      return name === "*"
        ? "a whole imported module"
        : name === "default"
          ? "a default import"
          : `the import "${name}"`;
    case "import.meta":
      return name;
    case "arguments":
    case "lexical":
      return `the surrounding "${name}"`;
    case "method-this":
      return `the "${name}" of its object`;
    case "private-name":
      return `the private name "${name}"`;
    case "node-crypto":
      return `"${name}" as imported from node:crypto`;
    case "timers-promises":
      return `"${name}" as imported from node:timers/promises`;
    case "coverage":
      return `the coverage counter "${name}"`;
    case "compiler-helper":
      return `the compiler's helper "${name}"`;
    default:
      return `"${name}"`;
  }
}

function isOrdinary({ kind }: Use): boolean {
  return kind === "variable" || kind === "user-global" || kind === "itself" || kind === "import" || kind === "lexical";
}

function moveRemedy({ name }: Subject): string {
  const exported = /^[A-Za-z_$][\w$]*$/.test(name) ? name : "name";
  return `or move the function into a module and submit task(import.meta.url, "${exported}").`;
}

function useRemedy({ kind, name }: Use): string {
  switch (kind) {
    case "user-global":
      return "A node has only the globals that Node itself defines.";
    case "itself":
      return `If "${name}" is the function itself, write it as function ${name}(...) { ... }, which can call itself.`;
    case "import":
      return 'Or import inside the function: await import("package").';
    case "require":
      return 'Use await import("node:fs") or await import("package") inside the function instead of require.';
    case "module-object":
      return "Pass the values as arguments: a node has no such module.";
    case "file-name":
    case "import.meta":
      return "Pass the path or URL as an argument: the function runs without the file that it was written in.";
    case "arguments":
      return "Take the values as parameters of the function itself, such as (...values).";
    case "method-this":
      return "A method travels without its object: submit a function that takes what it needs as arguments.";
    case "private-name":
      return "Private members are reachable only inside their class: pass their values as arguments.";
    case "node-crypto":
      return 'Import it inside the function: const crypto = await import("node:crypto").';
    case "timers-promises":
      return `Import it inside the function: const { ${name} } = await import("node:timers/promises").`;
    case "coverage":
      return "Exclude the file from istanbul's coverage, or use the v8 provider, which leaves functions as they are.";
    case "compiler-helper":
      return "Compile for ES2022 or newer, so that the compiler needs no helpers.";
    case "variable":
    case "lexical":
      return "";
  }
}

function obstacleClause({ kind, name, at }: Obstacle): string {
  switch (kind) {
    case "direct-eval":
      return `calls eval directly (${places(at)}), which hides what it uses`;
    case "with":
      return `has a with statement (${places(at)}), which hides what it uses`;
    case "relative-import":
      return `imports "${name}" (${places(at)}), which is relative to its own file`;
    case "rewritten-import":
      return `imports "${name}" (${places(at)}), a path that vitest put in place of what was written`;
  }
}

function obstacleRemedy({ kind }: Obstacle, subject: Subject): string {
  switch (kind) {
    case "direct-eval":
      return "Use (0, eval)(text) or new Function(text), which see only globals.";
    case "with":
      return "Write the properties out: object.name.";
    case "relative-import":
      return `Import packages and node: modules by name, ${moveRemedy(subject)}`;
    case "rewritten-import":
      return "Move the function into a JavaScript module that the tests import, and submit task(url, name).";
  }
}

function places(at: readonly Position[]): string {
  const shown = at.slice(0, 3).map(({ line, column }) => `${line}:${column}`);
  return at.length > 3 ? `${shown.join(", ")} and ${at.length - 3} more` : shown.join(", ");
}

function listed(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}
