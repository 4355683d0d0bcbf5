import { createHash } from "node:crypto";
import { type EncodedValue, encodeArguments, ShippingError, type Types } from "@pydist/protocol";
import { isPackageRef, type PackageRef } from "./trees/package-ref.js";

/** What a loaded function is for its caller: arguments and result are known only to the two ends. */
export type Callable = (...args: unknown[]) => unknown;

const helpers = ["import", "name", "task", "context", "pydist", "meta", "createRequire"] as const;

/**
 * Names that the text of a function expects around it and that the receiver supplies: `import` is `import()` as it
 * works on the node, `meta` is `import.meta`, `name` is the helper by which esbuild keeps names (`__name(f, "f")`),
 * `task` is pydist's `task`, `context` its `task.context`, and `pydist` what has `task` as its member, as imports have once
 * they are compiled; `createRequire` is Node's, which knows the packages of the submitter besides.
 */
export type Helper = (typeof helpers)[number];

/** The text of one function or class, and what it expects around it. */
export interface FunctionText {
  /** The text; a method keeps its shorthand form. */
  readonly source: string;
  /** The function's `name`, restored on the other side. */
  readonly name: string;
  /** `expression` and `class`: evaluates to it; `method` and `accessor`: the only member of an object literal. */
  readonly form: "expression" | "method" | "accessor" | "class";
  readonly strict: boolean;
  /** Variables around it, whose values come with each capture. */
  readonly slots: readonly string[];
  /** Of a class: how many of the first slots its definition needs; the others are used only later. */
  readonly early: number;
  /** By the name under which the text uses them. */
  readonly helpers: Readonly<Record<string, Helper>>;
  /** URL of the file that it was written in, where the text asks for that. */
  readonly url?: string | undefined;
}

/** A module that functions use by reference: one of Node's, or one of a package. */
export interface ModuleRef {
  /** As one would write it in an import or, of a package with `file`, its name. */
  readonly specifier: string;
  readonly how: "import" | "require";
  /** Key of the package that it belongs to. */
  readonly package?: string | undefined;
  /** A file inside of the package, where the package does not export it. */
  readonly file?: string | undefined;
}

/** Functions and classes as their texts. The first is the one that is called; who sees what comes with each capture. */
export interface FunctionsCode {
  readonly kind: "functions";
  readonly texts: readonly FunctionText[];
  readonly modules: readonly ModuleRef[];
  readonly packages: readonly PackageRef[];
  /** SHA-256 of the files that functions import by relative paths, by the paths of the files. */
  readonly files: Readonly<Record<string, string>>;
  /** Whether anything in it may ask for the context of the task that runs. */
  readonly asks: boolean;
  /** The directory that files of the functions lie in, if that is kept on every node. */
  readonly root?: CodeRoot | undefined;
}

/** A directory that is kept on every node. */
export interface CodeRoot {
  /** `file:` URL of the directory at the sender, with a slash at its end. */
  readonly from: string;
  /** Hash of the tree that the directory is. */
  readonly tree: string;
}

/** An exported function of a file that the node has as well, or is brought. */
export interface ReferenceCode {
  readonly kind: "reference";
  readonly url: string;
  readonly export: string;
  /** Of the file's content, so that two versions of it are two codes. */
  readonly sha256: string;
  /** The directory that the file lies in, if that is kept on every node. */
  readonly root?: CodeRoot | undefined;
}

/** A function that every Node has, by its path from `globalThis`: `Math.max`. */
export interface GlobalCode {
  readonly kind: "global";
  readonly path: string;
}

/** What travels instead of a function. */
export type Code = FunctionsCode | ReferenceCode | GlobalCode;

/** The values that a function sees, as they were when it was submitted. */
export interface Captured {
  /** SHA-256 of `bytes`, in hex. */
  readonly hash: string;
  /** A graph of the value codec. */
  readonly bytes: Uint8Array;
  /** Whether each task needs them anew, or nothing in them can be changed and a thread's tasks may share them. */
  readonly state: "fresh" | "shared";
}

/** A function ready to travel, addressed by its content. */
export interface ShippedCode {
  /** SHA-256 of `text`, in hex. */
  readonly hash: string;
  /** Canonical JSON of a {@link Code}. */
  readonly text: string;
  /** For people: the function's name, or `anonymous`. */
  readonly name: string;
  /** Undefined for a function that sees nothing around it. */
  readonly captured?: Captured | undefined;
  /** Types that its results may be of, where those of the process are not all. */
  readonly types?: Types | undefined;
  /**
   * Encodes the arguments of one call. What is part of what the function sees stays the same object.
   * @param path what the array of them is called in errors; `args` unless told otherwise
   * @throws SerializationError naming the argument that cannot travel
   */
  encodeArguments(args: readonly unknown[], path?: string): EncodedValue;
  /**
   * Arguments that wait for futures among them are laid by as they are at the call. Whether this value is not, because
   * only `encodeArguments` can encode it, or because it was captured: then its state at that time is what counts.
   */
  keeps?(value: unknown): boolean;
}

/** How arguments are encoded for a function that captured nothing. */
export function encodePlainArguments(args: readonly unknown[], path?: string): EncodedValue {
  return encodeArguments(args, undefined, path);
}

/** Whether a text with these helpers may ask for the context of the task that runs. */
export function mayAsk(helpers: FunctionText["helpers"]): boolean {
  return Object.values(helpers).some((helper) => helper !== "name" && helper !== "meta");
}

/** In base64, without copying the bytes first. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

/** SHA-256 in hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** SHA-256 of a part of a code, in hex. */
export function codeHash(part: FunctionText): string {
  return sha256(canonical(part));
}

/** The one text of a code: equal codes have equal texts, whatever the order in which their fields were written. */
export function codeText(code: Code): string {
  return canonical(code);
}

function canonical(value: object): string {
  return JSON.stringify(value, (_key, part: unknown) => (isRecord(part) ? sorted(part) : part));
}

/**
 * The code that a text stands for.
 * @throws ShippingError when it is not one, as from another version of pydist.
 */
export function parseCode(text: string): Code {
  const value = parseJson(text);
  if (isRecord(value)) {
    if (value.kind === "functions" && isFunctions(value)) return value;
    if (value.kind === "reference" && isReference(value)) return value;
    if (value.kind === "global" && hasStrings(value, "path")) return value as unknown as GlobalCode;
  }
  const remedy = "Run the same version of pydist at the executor and on every node.";
  throw new ShippingError(
    `The code of a task cannot be read: it is none of the kinds that this version of pydist knows. ${remedy}`,
    { remedy },
  );
}

function isFunctions(value: Record<string, unknown>): value is Record<string, unknown> & FunctionsCode {
  return (
    isListOf(value.texts, isText) &&
    isListOf(value.modules, (module) => hasStrings(module, "specifier", "how")) &&
    typeof value.asks === "boolean" &&
    isListOf(value.packages, isPackageRef) &&
    isRecord(value.files) &&
    isRootOrNone(value.root)
  );
}

function isReference(value: Record<string, unknown>): value is Record<string, unknown> & ReferenceCode {
  return hasStrings(value, "url", "export", "sha256") && isRootOrNone(value.root);
}

function isRootOrNone(root: unknown): boolean {
  return root === undefined || (isRecord(root) && hasStrings(root, "from", "tree"));
}

const forms: readonly unknown[] = ["expression", "method", "accessor", "class"] satisfies FunctionText["form"][];

function isText(value: Record<string, unknown>): boolean {
  return (
    hasStrings(value, "source", "name") &&
    forms.includes(value.form) &&
    typeof value.strict === "boolean" &&
    typeof value.early === "number" &&
    Array.isArray(value.slots) &&
    value.slots.every((slot) => typeof slot === "string") &&
    isRecord(value.helpers) &&
    Object.values(value.helpers).every((helper) => (helpers as readonly unknown[]).includes(helper))
  );
}

function isListOf(value: unknown, isItem: (item: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => isRecord(item) && isItem(item));
}

function hasStrings(value: Record<string, unknown>, ...keys: string[]): boolean {
  return keys.every((key) => typeof value[key] === "string");
}

function sorted(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
