import { fileURLToPath } from "node:url";
import { types } from "node:util";
import type { Extra } from "@pydist/protocol";
import type { FreeName } from "../analysis/free.js";
import { functionText, type Replaced } from "../analysis/function-text.js";
import { isModuleName, isStandardGlobal } from "../analysis/globals.js";
import type { ImportRecord } from "../analysis/script-imports.js";
import type { Position } from "../analysis/syntax.js";
import type { UnderstoodClass, UnderstoodFunction } from "../analysis/understand.js";
import type { FileRef, FunctionText, Helper } from "../code.js";
import { fileVersion } from "../file-version.js";
import { Kinds, type MaybeDetails } from "../graph.js";
import { privateMembersOf } from "../inspect/members.js";
import { CannotPeek, peek } from "../inspect/peek.js";
import type { Seen } from "../inspect/scopes.js";
import { isRelative } from "../specifier.js";
import type { Cells } from "./cells.js";
import { detailStep, detailsOf } from "./details.js";
import { builtinPlaceOf, globalPathOf, isReplaced } from "./known.js";
import { isNamespace, narrowed } from "./namespaces.js";
import { ordinaryOfFunction } from "./ordinary.js";
import { knownPackagePlace, notePackageImport } from "./packages.js";
import { Refused } from "./refused.js";
import type { View } from "./view.js";

/** What a function needs of the capture that it is part of. */
export interface FunctionHost {
  readonly cells: Cells;
  /** The number of a text. */
  textNumber(text: FunctionText, view: View, replaced: readonly Replaced[]): number;
  /** A weak collection that code uses by itself, as compilers do for private members. */
  usedWeakly(collection: WeakMap<object, unknown> | WeakSet<object>): void;
  /** The values cannot be shared by several tasks. */
  mutable(): void;
}

type Readable = UnderstoodFunction | UnderstoodClass;

interface Slot {
  readonly name: string;
  readonly value: unknown;
  /** How a path goes on to it. */
  readonly step: string;
}

/** A function or class: its text, and what the text sees. @throws Refused */
export function lowerFunction(view: View, host: FunctionHost, path: () => string): Extra {
  const { understood } = view;
  if (understood.kind === "unreadable") {
    throw new Refused(path(), `cannot be read: ${understood.reason}`, "Write it as a function or class of its own.");
  }
  checkText(understood, path);
  if (understood.kind === "function" && understood.key === "private") {
    throw new Refused(
      path(),
      "is a private method, which means nothing without its class",
      "Capture the class, or write it as a function.",
    );
  }
  const surroundings = new Surroundings(view, understood, host, path);
  return understood.kind === "class" ? surroundings.lowerClass(understood) : surroundings.lowerFunction(understood);
}

function checkText(understood: Readable, path: () => string): void {
  const { directEval, withs, lexical } = understood;
  const refuse = (what: string, at: readonly Position[], remedy: string): void => {
    if (at.length > 0) throw new Refused(path(), `${what} (${placesOf(at)})`, remedy);
  };
  const hides = "which hides what it uses";
  refuse(
    `calls eval directly, ${hides}`,
    directEval,
    "Use (0, eval)(text) or new Function(text), which see only globals.",
  );
  refuse(`has a with statement, ${hides}`, withs, "Write the properties out: object.name.");
  for (const [name, at] of lexical.privates) {
    refuse(
      `uses ${name} of a class that does not travel with it`,
      at,
      "Private members are reachable only inside their class: capture the class or an object of it, not the method alone.",
    );
  }
  refuse(
    understood.isArrow ? "uses the super around it" : "is a method that uses super, which is that of its object",
    lexical.super,
    "Capture the class, and call the method of an instance; or write the object as a class.",
  );
  refuse("uses the new.target around it", lexical.newTarget, "Put it into a const, and use that.");
}

function placesOf(at: readonly Position[]): string {
  const shown = at.slice(0, 3).map(({ line, column }) => `${line}:${column}`);
  return at.length > 3 ? `${shown.join(", ")} and ${at.length - 3} more` : shown.join(", ");
}

class Surroundings {
  readonly #view: View;
  readonly #understood: Readable;
  readonly #host: FunctionHost;
  readonly #path: () => string;
  readonly #helpers: Record<string, Helper> = {};

  constructor(view: View, understood: Readable, host: FunctionHost, path: () => string) {
    this.#view = view;
    this.#understood = understood;
    this.#host = host;
    this.#path = path;
  }

  lowerFunction(understood: UnderstoodFunction): Extra {
    const { lexical } = understood;
    const self = understood.isArrow && lexical.this.length > 0 ? this.#self() : undefined;
    const given = understood.isArrow && lexical.arguments.length > 0 ? this.#arguments() : [];
    const { number, slots } = this.#text(this.#variables(), []);
    const details = this.#details();
    const first = 3 + given.length;
    return {
      type: Kinds.Function,
      parts: [number, self, given.length, ...given, ...slots.map(({ value }) => value), ...details],
      step: (part) => {
        if (part === 1) return " > this";
        if (part < first) return ` > arguments[${part - 3}]`;
        return slots[part - first]?.step ?? detailStep(details, part - first - slots.length);
      },
    };
  }

  lowerClass(understood: UnderstoodClass): Extra {
    this.#checkKeys(understood);
    const variables = this.#variables();
    const isEarly = ({ name }: Slot): boolean => understood.keyNames.has(name);
    const early = variables.filter(isEarly);
    const { number, slots } = this.#text(
      [...early, ...variables.filter((slot) => !isEarly(slot))],
      this.#statics(understood),
      early.length,
    );
    const details = this.#details();
    return {
      type: Kinds.Class,
      parts: [number, ...slots.map(({ value }) => value), ...details],
      step: (part) => slots[part - 1]?.step ?? detailStep(details, part - 1 - slots.length),
    };
  }

  /** The private state of a class as it is now, in the place of what it began with. */
  #statics({ privateStatics }: UnderstoodClass): readonly unknown[] {
    if (privateStatics.length === 0) return [];
    this.#host.mutable();
    const members = privateMembersOf(this.#view.fn);
    return privateStatics.map((name) => members.find((member) => member.name === name)?.value);
  }

  #checkKeys({ unstableKeys, keyNames }: UnderstoodClass): void {
    const [first] = unstableKeys;
    if (first !== undefined) {
      throw new Refused(
        this.#path(),
        `is a class with a computed name (${placesOf([first.at])}) that may come out otherwise when it is made again`,
        "Put the name into a const before the class, and use that.",
      );
    }
    const { facts } = this.#view.file ?? {};
    const { offset } = this.#view;
    for (const name of keyNames) {
      if (!this.#view.seen.has(name) || facts === undefined || offset === undefined || facts.isConstant(name, offset)) {
        continue;
      }
      throw new Refused(
        this.#path(),
        `is a class with a computed name that uses "${name}", which may have changed since`,
        "Declare it as a const.",
      );
    }
  }

  /** The text as it is sent, and the values of its slots in the order of the text's. */
  #text(
    variables: readonly Slot[],
    statics: readonly unknown[],
    earlyVariables = 0,
  ): { readonly number: number; readonly slots: readonly Slot[] } {
    const { source, fn, file } = this.#view;
    const shared = this.#host.cells.of(this.#view);
    const name = ownNameOf(fn);
    const text = functionText(this.#understood, source, { name, cells: new Set(shared.keys()) });
    const heritage: Slot[] =
      text.superSlot === undefined
        ? []
        : [{ name: text.superSlot, value: Object.getPrototypeOf(fn), step: " > extends" }];
    const privates = text.privateStatics.map(({ name: member, slot }, i) => ({
      name: slot,
      value: statics[i],
      step: ` > ${member}`,
    }));
    const slots = [
      ...heritage,
      ...privates,
      ...variables.map((slot) => {
        const cell = text.cells.get(slot.name);
        return cell === undefined ? slot : { name: cell, value: shared.get(slot.name), step: slot.step };
      }),
    ];
    const helpers = { ...this.#helpers, ...text.helpers };
    const files = filesOf(this.#understood, this.#view);
    const asksForFile = Object.values(helpers).some((helper) => helper === "meta" || helper === "import");
    const number = this.#host.textNumber(
      {
        source: text.source,
        name,
        form: this.#understood.form,
        strict: this.#understood.strict,
        slots: slots.map((slot) => slot.name),
        early: heritage.length + privates.length + earlyVariables,
        helpers,
        ...(asksForFile && file?.url !== undefined ? { url: file.url } : {}),
        ...(files === undefined ? {} : { files }),
      },
      this.#view,
      text.replaced,
    );
    return { number, slots };
  }

  #variables(): Slot[] {
    const slots: Slot[] = [];
    const { seen, fn } = this.#view;
    for (const [name, use] of this.#understood.free) {
      if (this.#isHelper(name, use.namesOnly)) continue;
      const found = this.#isOwnNameAround(name) ? this.#ownNameAround(name, use.at) : seen.get(name);
      if (found === undefined) {
        this.#checkGlobal(name, use.asked, use.at);
        continue;
      }
      if (found.kind === "unreadable") throw this.#unreadable(name, found.why);
      if (name === "require") this.#checkRequire(use.paths);
      if (use.written) this.#host.mutable();
      slots.push({ name, value: this.#valueOf(name, found.value, use), step: ` > ${name}` });
    }
    const own = this.#understood.ownName;
    const outer = own?.used === true ? seen.get(own.name) : undefined;
    if (own !== undefined && outer?.kind === "value" && outer.value !== fn && this.#isDeclaration()) {
      throw new Refused(
        this.#path(),
        `calls itself by the name "${own.name}", which stands for something else by now`,
        "Give the function and what replaced it different names.",
      );
    }
    return slots;
  }

  /** Of a declaration, the name is a variable of the surroundings; of an expression, it is the function itself. */
  #isDeclaration(): boolean {
    const { file, offset } = this.#view;
    const name = this.#understood.ownName?.name;
    if (offset === undefined || name === undefined) return false;
    return file?.facts?.bindingAt(name, offset)?.kind === "function";
  }

  /** Whether a name is the one that a function or class around has for itself. */
  #isOwnNameAround(name: string): boolean {
    const { file, offset } = this.#view;
    return offset !== undefined && file?.facts?.bindingAt(name, offset)?.kind === "name";
  }

  /** Such a name of a function is in no scope: there may be an outer variable of the same name in its place. */
  #ownNameAround(name: string, at: readonly Position[]): Seen {
    const found = this.#view.seen.get(name);
    if (found?.kind === "value" && typeof found.value === "function") {
      if (/^class\b/.test(Function.prototype.toString.call(found.value))) return found;
    }
    try {
      const value = peek(this.#view.fn, { names: [name] })
        .bindings.get(name)
        ?.get();
      return { kind: "value", value, scope: { type: "Name", level: 0, name: "" } };
    } catch (cause) {
      throw this.#unseen(name, at, cause);
    }
  }

  #isHelper(name: string, namesOnly: boolean): boolean {
    if (name === "__name" && namesOnly) {
      this.#helpers[name] = "name";
      return true;
    }
    return name === "__vite_ssr_dynamic_import__" || name === "__vite_ssr_import_meta__";
  }

  #valueOf(name: string, value: unknown, { members, paths }: FreeName): unknown {
    if (value === null || (typeof value !== "object" && typeof value !== "function")) return value;
    if (types.isWeakMap(value) || types.isWeakSet(value)) this.#host.usedWeakly(value);
    const record = noteImport(this.#view, name, value);
    // What a file of the program's own exports, as CommonJS gives it.
    const isExports = record?.kind === "require" && record.imported === "*" && isRelative(record.specifier);
    const isMade = record?.interop !== undefined;
    if (members === "whole" || typeof value === "function") return value;
    if (!isExports && !isMade && !isNamespace(value, name)) return value;
    try {
      return narrowed(value, paths);
    } catch (error) {
      throw this.#unreadable(name, (error as Error).message);
    }
  }

  #checkRequire(paths: readonly (readonly string[])[]): void {
    const [own] = paths.filter(([member]) => member !== undefined && member !== "resolve");
    if (own === undefined) return;
    throw new Refused(
      this.#path(),
      `uses require.${own[0]}, which belongs to this process`,
      "Use require(...) and require.resolve(...) only, or pass what you need of it as an argument.",
    );
  }

  #unreadable(name: string, why: string): Refused {
    if (why !== "uninitialised") {
      return new Refused(this.#path(), `uses "${name}", which cannot be read: ${why}`, "Put it into a const before.");
    }
    return new Refused(
      this.#path(),
      `uses "${name}", which has no value yet`,
      "Submit the function after the line that declares the variable.",
    );
  }

  #checkGlobal(name: string, asked: boolean, at: readonly Position[]): void {
    if (asked && !(name in globalThis)) return;
    if (this.#understood.kind === "class" && this.#understood.keyNames.has(name) && !isStandardGlobal(name)) {
      throw new Refused(
        this.#path(),
        `is a class with a computed name that uses "${name}" (${placesOf(at)}), which cannot be read any more`,
        `Use "${name}" in one of its methods as well, or give the member a plain name.`,
      );
    }
    if (isStandardGlobal(name)) {
      if (!isReplaced(name)) return;
      throw new Refused(
        this.#path(),
        `uses the global "${name}" (${placesOf(at)}), which this program has replaced`,
        "Put the replacement into a variable of your own, and use that.",
      );
    }
    if (name in globalThis) {
      throw new Refused(
        this.#path(),
        `uses the global "${name}" (${placesOf(at)}), which this program has made`,
        "Put it into a variable, and use that: a node has only the globals of Node.",
      );
    }
    throw new Refused(
      this.#path(),
      isModuleName(name)
        ? `uses "${name}" (${placesOf(at)}), which its file does not have`
        : `uses "${name}" (${placesOf(at)}), which is declared nowhere`,
      "Declare it, or pass it as an argument.",
    );
  }

  #self(): unknown {
    try {
      return peek(this.#view.fn, { this: true }).this;
    } catch (cause) {
      throw this.#unseen("this", this.#understood.lexical.this, cause);
    }
  }

  #arguments(): readonly unknown[] {
    const found = this.#view.seen.get("arguments");
    if (found?.kind === "value") return Array.from(found.value as ArrayLike<unknown>);
    throw this.#unseen("arguments", this.#understood.lexical.arguments, undefined);
  }

  /** What only the frame of the function itself could tell. */
  #unseen(word: string, at: readonly Position[], cause: unknown): Refused {
    const why = cause instanceof CannotPeek ? `: ${cause.reason}` : "";
    return new Refused(
      this.#path(),
      `uses "${word}" around it (${placesOf(at)}), which cannot be read here${why}`,
      "Put what you need of it into a const before, and use that.",
      cause,
    );
  }

  #details(): MaybeDetails {
    const { fn } = this.#view;
    const _understood = this.#understood;
    const details = detailsOf(fn, ordinaryOfFunction(fn, this.#understood));
    if (details.length > 0) this.#host.mutable();
    return details;
  }
}

/** The files that a text imports by relative paths which are written out, as they are now. */
function filesOf({ imports }: Readable, { file }: View): FunctionText["files"] {
  if (file?.url === undefined) return undefined;
  const found: Record<string, FileRef> = {};
  for (const { specifier } of imports) {
    if (specifier === undefined || !isRelative(specifier) || !URL.canParse(specifier, file.url)) continue;
    const url = new URL(specifier, file.url);
    const path = url.protocol === "file:" ? fileURLToPath(url) : undefined;
    const sha256 = path && fileVersion(path);
    if (path !== undefined && sha256 !== undefined) found[specifier] = { path, sha256 };
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/** If an import gives the value of a variable, whoever meets the value later writes the import. */
function noteImport({ file, offset }: View, name: string, value: object): ImportRecord | undefined {
  if (globalPathOf(value) !== undefined || builtinPlaceOf(value) !== undefined) return undefined;
  const record = file?.facts?.imports.get(name);
  if (record === undefined || file?.path === undefined || offset === undefined) return undefined;
  if (file.facts?.bindingAt(name, offset)?.isTop !== true) return undefined;
  if (record.interop === undefined && knownPackagePlace(value) === undefined) {
    notePackageImport(value, record, file.path);
  }
  return record;
}

/** Read without running a getter: a function's name is the user's to redefine. */
export function ownNameOf(fn: object): string {
  const value: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  return typeof value === "string" ? value : "";
}
