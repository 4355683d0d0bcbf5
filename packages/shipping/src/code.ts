import { createHash } from "node:crypto";
import { ShippingError } from "@pydist/protocol";
import { isPackageRef, type PackageRef } from "./trees/package-ref.js";

/** What a loaded function is for its caller: arguments and result are known only to the two ends. */
export type Callable = (...args: unknown[]) => unknown;

const helpers = ["import", "name", "task", "pydist"] as const;

/**
 * Names that the text of a function expects around it and that the receiver supplies: `import` is `import()` as it
 * works on the node, `name` is the helper by which esbuild keeps names (`__name(f, "f")`), `task` is pydist's `task` as
 * far as a running function needs it (`task.context()`), and `pydist` what has that as its member, as imports have once
 * they are compiled.
 */
export type Helper = (typeof helpers)[number];

/** A function as its own text. */
export interface SourceCode {
  readonly kind: "source";
  /** The function's text; a method keeps its shorthand form. */
  readonly source: string;
  /** The function's `name`, restored on the other side. */
  readonly name: string;
  /** `expression`: evaluates to the function; `method`: the only member of an object literal. */
  readonly form: "expression" | "method";
  readonly strict: boolean;
  /** By the name under which the text uses them. */
  readonly helpers: Readonly<Record<string, Helper>>;
  /** Packages that it imports by literal names. */
  readonly packages?: readonly PackageRef[];
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
  readonly root?: CodeRoot;
}

/** A function that every Node has, by its path from `globalThis`: `Math.max`. */
export interface GlobalCode {
  readonly kind: "global";
  readonly path: string;
}

/** What travels instead of a function. */
export type Code = SourceCode | ReferenceCode | GlobalCode;

/** A function ready to travel, addressed by its content. */
export interface ShippedCode {
  /** SHA-256 of `text`, in hex. */
  readonly hash: string;
  /** Canonical JSON of a {@link Code}. */
  readonly text: string;
  /** For people: the function's name, or `anonymous`. */
  readonly name: string;
}

/** SHA-256 in hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The one text of a code: equal codes have equal texts, whatever the order in which their fields were written. */
export function codeText(code: Code): string {
  return JSON.stringify(code, (_key, value: unknown) => (isRecord(value) ? sorted(value) : value));
}

/**
 * The code that a text stands for.
 * @throws ShippingError when it is not one, as from another version of pydist.
 */
export function parseCode(text: string): Code {
  const value = parseJson(text);
  if (isRecord(value)) {
    if (value.kind === "source" && isSource(value)) return value;
    if (value.kind === "reference" && isReference(value)) return value;
    if (value.kind === "global" && hasStrings(value, "path")) return value as unknown as GlobalCode;
  }
  const remedy = "Run the same version of pydist at the executor and on every node.";
  throw new ShippingError(
    `The code of a task cannot be read: it is none of the kinds that this version of pydist knows. ${remedy}`,
    { remedy },
  );
}

function isSource(value: Record<string, unknown>): value is Record<string, unknown> & SourceCode {
  return (
    hasStrings(value, "source", "name") &&
    (value.form === "expression" || value.form === "method") &&
    typeof value.strict === "boolean" &&
    isRecord(value.helpers) &&
    (value.packages === undefined || (Array.isArray(value.packages) && value.packages.every(isPackageRef))) &&
    Object.values(value.helpers).every((helper) => (helpers as readonly unknown[]).includes(helper))
  );
}

function isReference(value: Record<string, unknown>): value is Record<string, unknown> & ReferenceCode {
  if (!hasStrings(value, "url", "export", "sha256")) return false;
  return value.root === undefined || (isRecord(value.root) && hasStrings(value.root, "from", "tree"));
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
