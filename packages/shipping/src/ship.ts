import { fileURLToPath } from "node:url";
import { types } from "node:util";
import {
  functionSource,
  hasRegisteredTypes,
  memberStep,
  SerializationError,
  type ShippingError,
  type Types,
} from "@pydist/protocol";
import { functionText } from "./analysis/function-text.js";
import type { Understood, UnderstoodFunction } from "./analysis/understand.js";
import { callerFile } from "./caller.js";
import { callArguments } from "./capture/call-arguments.js";
import { capture } from "./capture/capture.js";
import type { CapturedFunction } from "./capture/capturing.js";
import { detailsOf } from "./capture/details.js";
import { ownNameOf } from "./capture/function-node.js";
import { ordinaryOfFunction } from "./capture/ordinary.js";
import { areUnchanged, type Watched, watched } from "./capture/originals.js";
import { packagesOf } from "./capture/packages.js";
import { FIRST, Refused, remedyOf, sentence } from "./capture/refused.js";
import { TypesAround } from "./capture/registered.js";
import { isKnownSloppy, understood, whereIn } from "./capture/view.js";
import {
  type Code,
  codeText,
  encodePlainArguments,
  type FunctionText,
  type Helper,
  mayAsk,
  type ShippedCode,
  sha256,
} from "./code.js";
import { fileVersion } from "./file-version.js";
import { InspectorUnavailable } from "./inspect/session.js";
import { Lru } from "./lru.js";
import { nativeFunction, nodeFunctionPath } from "./natives.js";
import { refusal, refuseKind, type Subject } from "./refusal.js";
import { type Noted, noteOrigin } from "./stacks/origins.js";
import { type TaskFunction, type TaskTarget, taskTarget } from "./task.js";
import { senderUrl } from "./trees/copies.js";
import { rememberModule } from "./trees/provider.js";
import { withoutInspector } from "./without-inspector.js";
import { isWorkerOfPydist } from "./worker-mark.js";

/** Functions that see nothing that can change but globals, which a program may replace at any time. */
const byFunction = new WeakMap<TaskFunction, Remembered>();

interface Remembered {
  readonly shipped: ShippedCode;
  readonly globals: readonly Watched[];
  /** Whether it may import what registered types are for. */
  readonly imports: boolean;
}

/** What a call knows beside its function. */
export interface Surroundings {
  /** The arguments of the only call; left out if any may still come. */
  readonly args?: readonly unknown[] | undefined;
  /** The registered types that the task, in which this happens, was sent with. */
  readonly types?: Types | undefined;
}
/** An arrow written inside a loop is a new function each time, with the text of the last one. */
const bySource = new Lru<string, { readonly shipped: ShippedCode; readonly noted: Omit<Noted, "fn"> }>(1000);
/** Codes by their texts: an arrow in a loop is a new function each time, and its code the same. */
const byText = new Lru<string, ShippedCode>(1000);

/**
 * Turns a function into code that runs elsewhere, with what it sees around it as it is now: variables, functions, classes
 * and instances by value, modules of Node and of packages by reference. A `task()` reference is turned into the reference
 * with the present version of its file. Registered types go along where it or its arguments have to do with any. Runs
 * nothing of the user's but `pack` of such types, and getters of arguments.
 *
 * @param what The user's call, for messages.
 * @throws ShippingError at once, naming what cannot travel and the path by which the function reaches it; TypeError when
 * `fn` is no function.
 */
export function ship(fn: TaskFunction, what = "submit", { args, types: given }: Surroundings = {}): ShippedCode {
  const found = byFunction.get(fn);
  const known = found !== undefined && areUnchanged(found.globals) ? found : undefined;
  // Types may be registered at any time.
  if (known !== undefined && !hasRegisteredTypes(given)) return known.shipped;
  const around = new TypesAround(given, args);
  if (known !== undefined && !known.imports && !around.travel) return known.shipped;
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
  return shipFunction(fn, what, around);
}

/** As long as no types travel, it is shipped the same whenever it is submitted. */
function remembered(fn: TaskFunction, shipped: ShippedCode, text?: UnderstoodFunction): ShippedCode {
  const globals = text === undefined ? [] : watched(text.free);
  const imports = text !== undefined && text.imports.length > 0;
  if (globals !== undefined) byFunction.set(fn, { shipped, globals, imports });
  return shipped;
}

function shipFunction(fn: TaskFunction, what: string, around: TypesAround): ShippedCode {
  const source = functionSource(fn);
  const name = ownNameOf(fn);
  const subject = { what, name, source };
  const native = nativeFunction(fn, source, name);
  if (native?.kind === "global") return remembered(fn, shippedCode({ kind: "global", path: native.path }, name));
  if (native?.kind === "global-class") throw refuseKind(subject, classReason, wrapRemedy("new ", native.path));
  const text = native === undefined ? understood(source, isKnownSloppy(fn) ? false : undefined) : undefined;
  if (text !== undefined) checkKind(text, subject, fn);
  if (text?.kind === "function" && !around.travel && isText(fn, text))
    return remembered(fn, shipText(fn, source, name, text, {}));
  // With a name for itself it may see properties that it is yet to be given.
  const seesItself = text?.kind === "function" && text.ownName?.used === true;
  const kept = (shipped: ShippedCode): ShippedCode =>
    shipped.captured === undefined && !seesItself && text?.kind === "function"
      ? remembered(fn, shipped, text)
      : shipped;
  try {
    return kept(shipCaptured(capture(fn, around), name));
  } catch (error) {
    if (error instanceof InspectorUnavailable) {
      const path = text === undefined ? undefined : nodeFunctionPath(fn);
      if (path !== undefined)
        throw refuseKind(subject, "is Node's own, not text that could travel", wrapRemedy("", path));
      return kept(shipText(fn, source, name, ...withoutInspector(text, subject, error)));
    }
    if (error instanceof Refused || error instanceof SerializationError) throw refusedCapture(subject, error);
    throw error;
  }
}

const classReason = "is a class, and a task is called without new";

/** What nobody can call as a task. */
function checkKind(text: Understood, subject: Subject, fn: TaskFunction): void {
  if (text.kind === "unreadable") {
    throw refuseKind(
      subject,
      `cannot be read: ${text.reason}`,
      'Move the function into a module and submit task(import.meta.url, "name").',
    );
  }
  if (text.kind === "class") {
    const name = nodeFunctionPath(fn) ?? (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(subject.name) ? subject.name : "Class");
    throw refuseKind(subject, classReason, wrapRemedy("new ", name));
  }
  if (text.form === "accessor") {
    throw refuseKind(
      subject,
      "is a getter or setter, which works only on its object",
      "Submit a function that takes the object as an argument.",
    );
  }
  if (text.isGenerator) {
    throw refuseKind(
      subject,
      "is a generator, whose result lives in the process that called it",
      "Collect what it yields and return an array.",
    );
  }
  if (text.form === "method" && isLost(text)) {
    const at = whereIn(fn, subject.source, text.ownThis);
    const call = `obj${memberOf(subject.name)}`;
    throw refuseKind(
      subject,
      `is a method that uses this ${at}, and a task is called without its object`,
      text.key === "private"
        ? "Write it as a function that takes the object as an argument."
        : `Bind it: ${call}.bind(obj); or wrap it: (...args) => ${call}(...args).`,
    );
  }
}

/** Whether a method lacks nothing but its object: of what else it may lack, the capture knows a better way out. */
function isLost({ ownThis, lexical }: UnderstoodFunction): boolean {
  return ownThis.length > 0 && lexical.super.length === 0 && lexical.privates.size === 0;
}

function memberOf(name: string): string {
  // Methods with symbols for names are called by what the symbol is.
  return name.startsWith("[") && name.endsWith("]") ? name : memberStep(name);
}

function wrapRemedy(operator: "" | "new ", path: string): string {
  const parameters = path.includes("await") ? "async (...args)" : "(...args)";
  return `Wrap it: ${parameters} => ${operator}${path}(...args).`;
}

/** Whether its text is all that has to travel of a function. */
function isText(fn: TaskFunction, text: UnderstoodFunction): boolean {
  return seesNothing(text) && detailsOf(fn, ordinaryOfFunction(fn, text)).length === 0;
}

/** Whether a text is all there is to a function. Then nobody has to look at what is around it. */
function seesNothing({ free, lexical, directEval, withs, imports, ownName }: UnderstoodFunction): boolean {
  // Of a declaration, the name by which it calls itself is a variable of its surroundings.
  if (ownName?.used === true) return false;
  if ([...free].some(([name, use]) => name !== "__name" || !use.namesOnly)) return false;
  const { this: self, super: home, newTarget, arguments: given, meta, privates } = lexical;
  return (
    given === undefined &&
    [self, home, newTarget, meta, directEval, withs].every((at) => at.length === 0) &&
    privates.size === 0 &&
    imports.every(({ specifier }) => specifier?.startsWith("node:") === true)
  );
}

/** A function as its text alone. */
function shipText(
  fn: TaskFunction,
  source: string,
  name: string,
  text: UnderstoodFunction,
  supplied: Readonly<Record<string, Helper>>,
): ShippedCode {
  const key = `${text.strict} ${Object.keys(supplied)} ${name}\n${source}`;
  const before = bySource.get(key);
  if (before !== undefined) {
    noteOrigin({ ...before.noted, fn });
    return before.shipped;
  }
  const { source: edited, helpers, replaced } = functionText(text, source, { name });
  const own: Record<string, Helper> = text.free.has("__name") ? { __name: "name" } : {};
  const made: FunctionText = {
    source: edited,
    name,
    form: text.form,
    strict: text.strict,
    slots: [],
    early: 0,
    helpers: { ...own, ...supplied, ...helpers },
  };
  const noted = { source, text: made, replaced };
  noteOrigin({ ...noted, fn });
  const specifiers = text.imports.map(({ specifier }) => specifier);
  const packages = specifiers.length === 0 ? [] : packagesOf(specifiers, callerFile());
  const shipped = shippedCode(
    { kind: "functions", texts: [made], modules: [], packages, files: {}, asks: mayAsk(made.helpers) },
    name,
  );
  // What a text imports by name depends on where it is submitted from.
  if (text.imports.length === 0) bySource.set(key, { shipped, noted });
  return shipped;
}

function shipCaptured(made: CapturedFunction, name: string): ShippedCode {
  const { code, captured, types, texts, isPlain } = made;
  for (const text of texts) noteOrigin(text);
  const shipped = shippedCode(code, name);
  if (isPlain && !types.travel) return shipped;
  return { ...shipped, captured, types: types.given, ...callArguments(made) };
}

function refusedCapture(subject: Subject, cause: Refused | SerializationError): ShippingError {
  const isInside = cause.path.startsWith(FIRST);
  const path = isInside ? `${subject.name || "the function"}${cause.path.slice(FIRST.length)}` : cause.path;
  const isItself = cause instanceof Refused && cause.path === FIRST;
  const reason = isItself ? cause.what : `cannot travel: ${sentence(path, cause)}`;
  return refuseKind(subject, reason, remedyOf(cause), { path, cause });
}

// The file may change between two submits, so what is remembered holds for one version of it.
const byReference = new WeakMap<TaskFunction, { readonly version: string; readonly shipped: ShippedCode }>();

function shipReference(reference: TaskFunction, target: TaskTarget, what: string): ShippedCode {
  const path = fileURLToPath(target.url);
  const version = fileVersion(path);
  if (version === undefined) {
    const remedy = "Pass import.meta.url of the module that exports the function.";
    throw refusal(`${what}: task "${target.export}" refers to ${path}, which is no file here.`, remedy, { path });
  }
  const known = byReference.get(reference);
  const copied = isWorkerOfPydist() ? senderUrl(target.url) : undefined;
  if (copied === undefined) rememberModule(target.url, version);
  if (known?.version === version) return known.shipped;
  const code: Code = { kind: "reference", url: target.url, export: target.export, sha256: version, ...copied };
  const result = shippedCode(code, target.export);
  byReference.set(reference, { version, shipped: result });
  return result;
}

/** Code travels in one piece; what is larger than this is data that was pasted in. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

function shippedCode(code: Code, name: string): ShippedCode {
  const text = codeText(code);
  const known = byText.get(text);
  if (known !== undefined && known.name === (name || "anonymous")) return known;
  if (text.length > MOST_CHARACTERS) {
    const remedy = "Pass the data in it as arguments, or read it from a file inside the function.";
    const called = name === "" ? "The function" : `Function "${name}"`;
    throw refusal(`${called} has ${text.length} characters; ${MOST_CHARACTERS} can travel.`, remedy);
  }
  const shipped = {
    hash: sha256(text),
    text,
    name: name === "" ? "anonymous" : name,
    encodeArguments: encodePlainArguments,
  };
  byText.set(text, shipped);
  return shipped;
}
