import { types } from "node:util";
import type { ArgumentsUse } from "../analysis/arguments-use.js";
import type { FreeName } from "../analysis/free.js";
import { isModuleName, isStandardGlobal } from "../analysis/globals.js";
import type { Position } from "../analysis/syntax.js";
import { type UnderstoodClass, type UnderstoodFunction, viteImport } from "../analysis/understand.js";
import { CannotPeek } from "../inspect/peek.js";
import { fileOfPackage, isRelative } from "../specifier.js";
import { isCalleeKnown } from "./arguments-around.js";
import { isObject } from "./is-object.js";
import { changedBuiltin, globalPathOf } from "./known.js";
import { changedInside, changedMember, isReplaced, isWatched } from "./originals.js";
import { Refused } from "./refused.js";
import type { View } from "./view.js";

/** What to do instead of putting something into a global. */
export const useOwn = "Put it into a variable of your own, and use that: a node has only what Node has.";

export type Readable = UnderstoodFunction | UnderstoodClass;

/** What keeps a function or class from being captured, in words that say where in the user's file it stands. */
export class Complaints {
  readonly #view: View;
  readonly #understood: Readable;
  readonly #path: () => string;

  constructor(view: View, understood: Readable, path: () => string) {
    this.#view = view;
    this.#understood = understood;
    this.#path = path;
  }

  #refused(what: string, remedy: string, cause?: unknown): Refused {
    return new Refused(this.#path(), what, remedy, cause);
  }

  /** Where the function itself stands. */
  get #begin(): string {
    return this.#view.whereIs([{ line: 1, column: 1 }]);
  }

  /** @throws Refused for a text that uses what nobody can give it elsewhere */
  checkText(): void {
    const { directEval, withs, lexical, isArrow } = this.#understood;
    const refuse = (at: readonly Position[], what: string, why: string, remedy: string): void => {
      if (at.length > 0) throw this.#refused(`${what} ${this.#view.whereIs(at)}${why}`, remedy);
    };
    const hides = ", which hides what it uses";
    refuse(
      directEval,
      "calls eval directly",
      hides,
      "Use (0, eval)(text) or new Function(text), which see only globals.",
    );
    refuse(
      withs,
      "has a with statement",
      hides,
      "Write the properties out: object.name. If a library made the function, make it inside of yours.",
    );
    for (const [name, at] of lexical.privates) {
      refuse(
        at,
        `uses ${name}`,
        " of a class that does not travel with it",
        "Private members are reachable only inside their class: call a method on the class or an object of it, () => object.method(), in the place of a function of its own.",
      );
    }
    refuse(
      lexical.super,
      isArrow ? "uses super" : "is a method that uses super",
      isArrow ? ", which is that of the method around it" : ", which is that of its object",
      isArrow
        ? "Let a method of the class call it, and call that method here: this.method(...)."
        : "Bind it to an instance of its class, object.method.bind(object), or call it on one: (...args) => object.method(...args). Methods of an object literal cannot travel so: write it as a class.",
    );
    refuse(
      lexical.newTarget,
      "uses new.target",
      ", which is that of the function around it",
      "Put it into a const outside of the function, and use that.",
    );
    if (this.#understood.kind === "function" && this.#understood.key === "private") {
      throw this.#refused(
        "is a private method, which means nothing without its class",
        "Capture the class, or write it as a function.",
      );
    }
    this.#checkImports();
  }

  #checkImports(): void {
    const { imports, free } = this.#understood;
    for (const { specifier, at } of imports) {
      if (specifier === undefined) continue;
      const what = `imports ${JSON.stringify(specifier)} ${this.#view.whereIs([at])}`;
      if (isRelative(specifier) && this.#view.file?.url === undefined) {
        throw this.#refused(
          `${what}, relative to a file, and no file has the function`,
          "Import packages and node: modules by name, or write the function in a module.",
        );
      }
      if (specifier.startsWith("/") && free.has(viteImport) && fileOfPackage(specifier) === undefined) {
        throw this.#refused(
          `${what}, a path that vitest put in place of what was written`,
          "Import it at the top of the file, and use that.",
        );
      }
    }
  }

  /** @throws Refused for a class with names of members that may come out otherwise now */
  checkKeys({ unstableKeys, keyNames, free }: UnderstoodClass): void {
    const [first] = unstableKeys;
    if (first !== undefined) {
      throw this.#refused(
        `is a class with a computed name ${this.#view.whereIs([first])} that may come out otherwise when it is made again`,
        "Put the name into a const before the class, and use that.",
      );
    }
    const { offset, file, seen } = this.#view;
    for (const name of keyNames) {
      if (!seen.has(name) || offset === undefined || file?.facts?.isConstant(name, offset) !== false) continue;
      throw this.#refused(
        `is a class with a computed name that uses "${name}" ${this.#view.whereIs(free.get(name)?.at ?? [])}, which may have changed since`,
        `Declare "${name}" as a const.`,
      );
    }
  }

  /** @throws Refused for a name that is in no scope, and is none of those that every node has */
  checkGlobal(name: string, use: FreeName): void {
    const { asked, at, reads } = use;
    if (asked && !(name in globalThis)) return;
    const where = this.#view.whereIs(at);
    if (this.#understood.kind === "class" && this.#understood.keyNames.has(name) && !isStandardGlobal(name)) {
      throw this.#refused(
        `is a class with a computed name that uses "${name}" ${where}, which cannot be read any more`,
        `Use "${name}" in one of its methods as well, or give the member a plain name.`,
      );
    }
    if (isStandardGlobal(name)) {
      if (!isReplaced(name))
        return this.#checkReads(
          globalThis,
          "",
          reads.map((read) => [name, ...read]),
          at,
        );
      throw this.#refused(
        `uses the global "${name}" ${where}, which this program has replaced`,
        "Put the replacement into a variable of your own, and use that.",
      );
    }
    if (name in globalThis) {
      throw this.#refused(
        `uses the global "${name}" ${where}, which this program has made`,
        "Put it into a variable, and use that: a node has only the globals of Node.",
      );
    }
    if (isModuleName(name)) {
      throw this.#refused(`uses "${name}" ${where}, which only a CommonJS module has`, remedies[name]);
    }
    throw this.#refused(`uses "${name}" ${where}, which is declared nowhere`, "Declare it, or pass it as an argument.");
  }

  /** @throws Refused for a member of an object of the platform that no node has in the same way */
  checkMembers(name: string, root: unknown, { reads, at }: FreeName): void {
    if (isWatched(root)) return this.#checkReads(root, globalPathOf(root) ?? "", reads, at);
    if (isObject(root)) this.#checkChanged(name, changedBuiltin(root, name, reads), at);
  }

  #checkReads(root: object, name: string, reads: FreeName["reads"], at: readonly Position[]): void {
    this.#checkChanged(name, changedMember(root, reads), at);
  }

  #checkChanged(name: string, changed: readonly string[] | undefined, at: readonly Position[]): void {
    if (changed === undefined) return;
    const path = [name, ...changed].filter((part) => part !== "").join(".");
    throw this.#refused(`uses "${path}" ${this.#view.whereIs(at)}, which this program has made or changed`, useOwn);
  }

  /** @throws Refused for what `require` knows of this process */
  checkRequire({ paths, at }: FreeName): void {
    const [own] = paths.filter(([member]) => member !== undefined && member !== "resolve");
    if (own === undefined) return;
    throw this.#refused(
      `uses require.${own[0]} ${this.#view.whereIs(at)}, which belongs to this process`,
      "Use require(...) and require.resolve(...) only, or pass what you need of it as an argument.",
    );
  }

  /** A variable whose value cannot be had. */
  unreadable(name: string, why: string): Refused {
    const at = this.#understood.free.get(name)?.at ?? [];
    const what = `uses "${name}" ${this.#view.whereIs(at)}`;
    if (why !== "uninitialised") {
      return this.#refused(`${what}, which cannot be read: ${why}`, "Put it into a const before, and use that.");
    }
    return this.#refused(
      `${what}, which has no value yet`,
      "Submit the function after the line that declares the variable.",
    );
  }

  /** @throws Refused for `arguments` that are used in a way that other ones could not be */
  checkArguments({ assigned, callee, at }: ArgumentsUse, value: unknown): void {
    if (assigned) {
      throw this.#refused(
        `gives the "arguments" around it ${this.#view.whereIs(at)} another value`,
        "Use a variable of your own.",
      );
    }
    if (callee && types.isArgumentsObject(value) && isCalleeKnown(value)) {
      throw this.#refused(
        `uses arguments.callee ${this.#view.whereIs(at)}, which is the function around it`,
        "Give that function a name, and use that.",
      );
    }
  }

  /** What only the frame of the function itself could tell. */
  unseen(word: string, at: readonly Position[], cause: unknown): Refused {
    const why = cause instanceof CannotPeek ? `: ${cause.reason}` : "";
    return this.#refused(
      `uses the "${word}" around it ${this.#view.whereIs(at)}, which cannot be read here${why}`,
      "Put what you need of it into a const before, and use that.",
      cause,
    );
  }

  /** A declaration that puts something else in its own place, as no function that stands alone can. */
  replacing(name: string): Refused {
    return this.#refused(
      `is declared ${this.#begin} and gives its own name "${name}" another value`,
      "Put what changes into a variable of another name.",
    );
  }

  /** A declaration that is called by another name, while its own means something else. */
  renamed(name: string): Refused {
    return this.#refused(
      `is declared ${this.#begin} and calls itself by the name "${name}", which stands for something else by now`,
      "Give the function and what replaced it different names.",
    );
  }
}

/**
 * What has an object of the platform by any other way than its name may read any of its members.
 * @throws Refused for one with a member that no node has in the same way
 */
export function checkWhole(value: object, name: string, path: () => string): void {
  const changed = changedInside(value);
  if (changed === undefined) return;
  throw new Refused(path(), `is ${name}, of which this program has made or changed "${changed}"`, useOwn);
}

const remedies = {
  require: "Import what it needs at the top of the file, or by await import(...) inside the function.",
  module: "Use what the module exports by its own name.",
  exports: "Use what the module exports by its own name.",
  __filename: "Use import.meta.filename.",
  __dirname: "Use import.meta.dirname.",
} as const;
