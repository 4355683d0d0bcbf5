import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { types } from "node:util";
import { ShippingError } from "@pydist/protocol";
import { type Analysis, analyse, type FunctionAnalysis } from "./analysis/analyse.js";
import { callerFile, callerLocation } from "./caller.js";
import { type Code, codeText, type ShippedCode, sha256 } from "./code.js";
import { fileVersion } from "./file-version.js";
import { Lru } from "./lru.js";
import { nativeFunction, nodeFunctionPath } from "./natives.js";
import { refuseKind, refuseUses, type Subject } from "./refusal.js";
import { noteFunction, noteOrigin, type Origin } from "./stacks/origins.js";
import { type TaskFunction, type TaskTarget, taskTarget } from "./task.js";
import { type PackageRef, packageOf } from "./trees/package-ref.js";
import { packageKey, rememberModule } from "./trees/provider.js";
import { namedPackage, senderUrl } from "./trees/roots.js";
import { isWorkerOfPydist } from "./worker-mark.js";

// A function's text never changes, so a function is understood once.
const byFunction = new WeakMap<TaskFunction, ShippedCode>();
// An arrow written inside a loop is a new function each time, with the text of the last one.
const bySource = new Lru<string, { readonly shipped: ShippedCode; readonly origin: Origin }>(1000);
// What a text imports by name depends on where it is submitted from.
const importing = new Lru<string, FunctionAnalysis>(1000);

/**
 * Turns a function into code that runs elsewhere. A function may use its parameters, what it declares itself, the
 * globals of a bare Node, and `import()` of packages and `node:` modules, which a node resolves from its own working
 * directory. A `task()` reference is turned into the reference with the present version of its file.
 *
 * Properties that were added to the function do not travel. Arrows, methods and async functions are run as strict code,
 * for their text does not tell; a variable of the module that has the name of a global cannot be told from the global.
 *
 * @param what The user's call, for messages.
 * @throws ShippingError at once, naming everything that the function uses and cannot take along; TypeError when `fn` is
 * no function.
 */
export function ship(fn: TaskFunction, what = "submit"): ShippedCode {
  const known = byFunction.get(fn);
  if (known !== undefined) return known;
  if (typeof fn !== "function") {
    throw new TypeError(`${what}: the first argument must be a function, not ${fn === null ? "null" : typeof fn}.`);
  }
  // Before anything looks at the function, for a look at a proxy runs its traps.
  if (types.isProxy(fn)) {
    const subject = { what, name: "", source: "" };
    throw refuseKind(subject, "is a Proxy, whose handler cannot travel", "Submit the function behind it.");
  }
  const target = taskTarget(fn);
  if (target !== undefined) return shipReference(fn, target, what);
  const shipped = shipFunction(fn, what);
  byFunction.set(fn, shipped);
  return shipped;
}

function shipFunction(fn: TaskFunction, what: string): ShippedCode {
  const source = Function.prototype.toString.call(fn);
  const name = ownName(fn);
  const subject = { what, name, source };
  const native = nativeFunction(fn, source, name);
  switch (native?.kind) {
    case "global":
      return shipped({ kind: "global", path: native.path }, name);
    case "global-class":
      throw refuseKind(subject, classReason, wrapRemedy("new ", native.path));
    case "bound":
      throw refuseKind(
        subject,
        "is bound, and what it is bound to is not in its text",
        "Submit the function that was bound, and pass what it was bound to as arguments.",
      );
    case "unknown":
      throw unknownNative(subject, fn);
  }

  const knownSloppy = isKnownSloppy(fn);
  const key = `${knownSloppy ? "sloppy" : ""}\n${name}\n${source}`;
  const known = bySource.get(key);
  if (known !== undefined) {
    noteFunction(known.origin, fn);
    return known.shipped;
  }
  const analysis = importing.get(key) ?? accepted(analyse(source, name, knownSloppy), subject, fn);
  const packages = packagesOf(analysis.imports);
  const code = packages.length === 0 ? analysis.code : { ...analysis.code, packages };
  const result = shipped(code, name);
  const origin = noteOrigin(result.hash, fn, source, code);
  if (analysis.imports.length === 0) bySource.set(key, { shipped: result, origin });
  else importing.set(key, analysis);
  return result;
}

/**
 * The packages that are meant by these specifiers: as the file that submits finds them. What a running task submits means
 * those that it was sent with; others are the node's own.
 */
function packagesOf(specifiers: readonly string[]): PackageRef[] {
  const names = new Set(specifiers.map(packageOf).filter((name) => name !== undefined));
  if (names.size === 0) return [];
  const from = callerFile() ?? (isWorkerOfPydist() ? undefined : join(process.cwd(), "program.js"));
  return [...names]
    .sort()
    .map((name) => namedPackage(name) ?? (from === undefined ? undefined : packageKey(name, from)))
    .filter((ref) => ref !== undefined);
}

const classReason = "is a class, and a task is called without new";

function accepted(analysis: Analysis, subject: Subject, fn: TaskFunction): FunctionAnalysis {
  switch (analysis.kind) {
    case "function": {
      if (analysis.uses.length === 0 && analysis.obstacles.length === 0) return analysis;
      throw nodeFunction(subject, fn) ?? refuseUses(subject, analysis);
    }
    case "class": {
      const path = nodeFunctionPath(fn);
      const remedy =
        path === undefined
          ? "Submit a function that holds the class and constructs it, or a task() reference to one."
          : wrapRemedy("new ", path);
      throw refuseKind(subject, classReason, remedy);
    }
    case "accessor":
      throw refuseKind(
        subject,
        "is a getter or setter, which works only on its object",
        "Submit a function that takes the object as an argument.",
      );
    case "generator":
      throw refuseKind(
        subject,
        "is a generator, whose result lives in the process that called it",
        "Collect what it yields and return an array.",
      );
    case "unreadable":
      throw refuseKind(
        subject,
        `cannot be read: ${analysis.reason}`,
        'Move the function into a module and submit task(import.meta.url, "name").',
      );
  }
}

// Node's own functions are JavaScript with variables of their own; naming those would help nobody.
function nodeFunction(subject: Subject, fn: TaskFunction): ShippingError | undefined {
  const path = nodeFunctionPath(fn);
  if (path === undefined) return undefined;
  return refuseKind(subject, "is Node's own, not text that could travel", wrapRemedy("", path));
}

function wrapRemedy(operator: "" | "new ", path: string): string {
  const parameters = path.includes("await") ? "async (...args)" : "(...args)";
  return `Wrap it: ${parameters} => ${operator}${path}(...args).`;
}

function unknownNative(subject: Subject, fn: TaskFunction): ShippingError {
  return (
    nodeFunction(subject, fn) ??
    refuseKind(
      subject,
      "is native code without a place among the globals",
      "Submit a function that finds it on the node: through a global, a parameter or await import(...).",
    )
  );
}

// The file may change between two submits, so what is remembered holds for one version of it.
const byReference = new WeakMap<TaskFunction, { readonly version: string; readonly shipped: ShippedCode }>();

function shipReference(reference: TaskFunction, target: TaskTarget, what: string): ShippedCode {
  const path = fileURLToPath(target.url);
  const version = fileVersion(path);
  if (version === undefined) {
    const location = callerLocation();
    const remedy = "Pass import.meta.url of the module that exports the function.";
    throw new ShippingError(`${what}: task "${target.export}" refers to ${path}, which is no file here. ${remedy}`, {
      path,
      remedy,
      ...(location === undefined ? {} : { location }),
    });
  }
  const known = byReference.get(reference);
  const copied = isWorkerOfPydist() ? senderUrl(target.url) : undefined;
  if (copied === undefined) rememberModule(target.url, version);
  if (known?.version === version) return known.shipped;
  const code: Code = { kind: "reference", url: target.url, export: target.export, sha256: version, ...copied };
  const result = shipped(code, target.export);
  byReference.set(reference, { version, shipped: result });
  return result;
}

/** Code travels in one piece; what is larger than this is data that was pasted in. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

function shipped(code: Code, name: string): ShippedCode {
  const text = codeText(code);
  if (text.length > MOST_CHARACTERS) {
    const remedy = "Pass the data in it as arguments, or read it from a file inside the function.";
    throw new ShippingError(
      `Function "${name}" has ${text.length} characters; ${MOST_CHARACTERS} can travel. ${remedy}`,
      { remedy },
    );
  }
  return { hash: sha256(text), text, name: name === "" ? "anonymous" : name };
}

// The language lets only sloppy functions be asked for their caller, on some Node by a property of their own, on others
// by one of Function.prototype. Arrows, methods and async functions refuse either way, and have no `prototype`; they
// are not asked, because throwing is slow.
function isKnownSloppy(fn: TaskFunction): boolean {
  if (!Object.hasOwn(fn, "prototype")) return false;
  try {
    Reflect.get(fn, "caller");
    return true;
  } catch {
    return false;
  }
}

// Read without running a getter: a function's name is the user's to redefine.
function ownName(fn: TaskFunction): string {
  const value: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  return typeof value === "string" ? value : "";
}
