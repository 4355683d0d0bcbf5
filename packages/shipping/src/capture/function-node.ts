import { dirname } from "node:path";
import { types } from "node:util";
import { type Extra, functionSource } from "@pydist/protocol";
import type { ArgumentsUse } from "../analysis/arguments-use.js";
import type { FreeName } from "../analysis/free.js";
import { functionText, type Replaced } from "../analysis/function-text.js";
import { isFileName } from "../analysis/globals.js";
import type { Position } from "../analysis/syntax.js";
import { type UnderstoodClass, type UnderstoodFunction, viteImport, viteMeta } from "../analysis/understand.js";
import type { FunctionText, Helper } from "../code.js";
import { Kinds, type MaybeDetails } from "../graph.js";
import { privateMembersOf } from "../inspect/members.js";
import { peek } from "../inspect/peek.js";
import type { Seen } from "../inspect/scopes.js";
import { isRelative } from "../specifier.js";
import type { PackageRef } from "../trees/package-ref.js";
import type { ArgumentsAround } from "./arguments-around.js";
import type { Cells } from "./cells.js";
import { Complaints, type Readable } from "./complaints.js";
import { detailStep, detailsOf } from "./details.js";
import { noteImport, noteImports } from "./imported.js";
import { isNamespace, narrowed } from "./namespaces.js";
import { ordinaryOfFunction } from "./ordinary.js";
import { knownPackagePlace, notePackageObject } from "./packages.js";
import { Place } from "./place.js";
import { Refused } from "./refused.js";
import type { View } from "./view.js";

/** What a function needs of the capture that it is part of. */
export interface FunctionHost {
  readonly cells: Cells;
  readonly given: ArgumentsAround;
  /** The number of a text. */
  textNumber(text: FunctionText, view: View, replaced: readonly Replaced[], path: () => string): number;
  /** A file that a text imports by a relative path. */
  addFile(path: string, sha256: string): void;
  /** A package that a text imports. */
  addPackage(ref: PackageRef): void;
  /** A weak collection that code uses by itself, as compilers do for private members. */
  usedWeakly(collection: WeakMap<object, unknown> | WeakSet<object>): void;
  /** Details of a function without those that have to wait. */
  postpone(owner: object, details: MaybeDetails): MaybeDetails;
  /** The values cannot be shared by several tasks. */
  mutable(): void;
}

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
  const complaints = new Complaints(view, understood, path);
  complaints.checkText();
  const surroundings = new Surroundings(view, understood, host, complaints, path);
  return understood.kind === "class" ? surroundings.lowerClass(understood) : surroundings.lowerFunction(understood);
}

class Surroundings {
  readonly #view: View;
  readonly #understood: Readable;
  readonly #host: FunctionHost;
  readonly #complaints: Complaints;
  readonly #path: () => string;
  readonly #helpers: Record<string, Helper> = {};

  constructor(view: View, understood: Readable, host: FunctionHost, complaints: Complaints, path: () => string) {
    this.#path = path;
    this.#view = view;
    this.#understood = understood;
    this.#host = host;
    this.#complaints = complaints;
  }

  lowerFunction(understood: UnderstoodFunction): Extra {
    const self = understood.isArrow && understood.lexical.this.length > 0 ? this.#self() : undefined;
    const { number, slots } = this.#text(this.#variables(), []);
    const details = this.#details();
    return {
      type: Kinds.Function,
      parts: [number, self, ...slots.map(({ value }) => value), ...details],
      step: (part) =>
        part === 1 ? " > this" : (slots[part - 2]?.step ?? detailStep(details, part - 2 - slots.length)),
    };
  }

  lowerClass(understood: UnderstoodClass): Extra {
    this.#complaints.checkKeys(understood);
    const { arguments: given } = understood.lexical;
    if (given !== undefined) throw this.#complaints.unseen("arguments", given.at, undefined);
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
    const given: Slot[] =
      text.argumentsSlot === undefined
        ? []
        : [{ name: text.argumentsSlot, value: this.#arguments(), step: " > arguments" }];
    const slots = [
      ...heritage,
      ...privates,
      ...given,
      ...variables.map((slot) => {
        const cell = text.cells.get(slot.name);
        return cell === undefined ? slot : { name: cell, value: shared.get(slot.name), step: slot.step };
      }),
    ];
    const helpers = { ...this.#helpers, ...text.helpers };
    noteImports(this.#view, this.#understood, this.#host);
    const asksForFile =
      Object.values(helpers).some((helper) => helper === "meta" || helper === "import") ||
      slots.some(({ name: slot }) => slot === "require" || isFileName(slot));
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
      },
      this.#view,
      text.replaced,
      this.#path,
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
        this.#complaints.checkGlobal(name, use);
        continue;
      }
      if (found.kind === "unreadable") throw this.#complaints.unreadable(name, found.why);
      if (name === "require") this.#complaints.checkRequire(use);
      this.#complaints.checkMembers(name, found.value, use);
      if (use.written) this.#host.mutable();
      slots.push({ name, value: this.#valueOf(name, found.value, use), step: ` > ${name}` });
    }
    const own = this.#understood.ownName;
    if (own?.written === true && this.#isDeclaration()) throw this.#complaints.replacing(own.name);
    const outer = own?.used === true ? seen.get(own.name) : undefined;
    if (own !== undefined && outer?.kind === "value" && outer.value !== fn && this.#isDeclaration()) {
      throw this.#complaints.renamed(own.name);
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
      if (/^class\b/.test(functionSource(found.value))) return found;
    }
    try {
      const value = peek(this.#view.fn, { names: [name] })
        .bindings.get(name)
        ?.get();
      return { kind: "value", value, scope: { type: "Name", level: 0, name: "" } };
    } catch (cause) {
      throw this.#complaints.unseen(name, at, cause);
    }
  }

  #isHelper(name: string, namesOnly: boolean): boolean {
    if (name === "__name" && namesOnly) {
      this.#helpers[name] = "name";
      return true;
    }
    return name === viteImport || name === viteMeta;
  }

  #valueOf(name: string, value: unknown, { paths }: FreeName): unknown {
    const { file } = this.#view;
    if (file?.url !== undefined && name === "__filename" && value === file.path) return new Place(file.url);
    if (file?.url !== undefined && name === "__dirname" && value === dirname(file.path ?? "")) {
      return new Place(new URL(".", file.url).href);
    }
    if (value === null || (typeof value !== "object" && typeof value !== "function")) return value;
    if (this.#view.maker !== undefined) notePackageObject(value);
    if (types.isWeakMap(value) || types.isWeakSet(value)) this.#host.usedWeakly(value);
    const record = noteImport(this.#view, name, value);
    // What a file of the program's own exports, as CommonJS gives it.
    const isExports = record?.kind === "require" && record.imported === "*" && isRelative(record.specifier);
    const isMade = record?.interop !== undefined;
    const isWhole = paths.some((path) => path.length === 0);
    if (isWhole || typeof value === "function" || knownPackagePlace(value) !== undefined) return value;
    if (!isExports && !isMade && !isNamespace(value, name)) return value;
    try {
      return narrowed(value, paths);
    } catch (error) {
      throw this.#complaints.unreadable(name, (error as Error).message);
    }
  }

  #self(): unknown {
    try {
      return peek(this.#view.fn, { this: true }).this;
    } catch (cause) {
      throw this.#complaints.unseen("this", this.#understood.lexical.this, cause);
    }
  }

  #arguments(): unknown {
    const use = this.#understood.lexical.arguments as ArgumentsUse;
    const found = this.#view.seen.get("arguments");
    if (found?.kind !== "value") throw this.#complaints.unseen("arguments", use.at, undefined);
    this.#complaints.checkArguments(use, found.value);
    if (use.written) this.#host.mutable();
    // Sloppy code may have put anything into a variable of that name.
    return types.isArgumentsObject(found.value) ? this.#host.given.of(found.value) : found.value;
  }

  #details(): MaybeDetails {
    const { fn } = this.#view;
    const details = detailsOf(fn, ordinaryOfFunction(fn, this.#understood));
    if (details.length > 0) this.#host.mutable();
    return this.#host.postpone(fn, details);
  }
}

/** Read without running a getter: a function's name is the user's to redefine. */
export function ownNameOf(fn: object): string {
  const value: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  return typeof value === "string" ? value : "";
}
