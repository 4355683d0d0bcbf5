import type { ErrorCode } from "./codes.js";

// Registered, not unique: two copies of this package in one program must recognise each other's errors.
const BRAND = Symbol.for("pydist.error.code");

type Branded = { readonly [BRAND]?: ErrorCode };

/** The code that a prototype itself was branded with; a user's subclass has none of its own. */
export function codeOfPrototype(prototype: object): string | undefined {
  const code: unknown = Object.hasOwn(prototype, BRAND) ? (prototype as Branded)[BRAND] : undefined;
  return typeof code === "string" ? code : undefined;
}

const prototypesByCode = new Map<string, PydistError>();

/** The prototype of this copy's class for a code; undefined for codes of a newer version. */
export function prototypeOfCode(code: string): PydistError | undefined {
  return prototypesByCode.get(code);
}

/** Gives a class its code and its name, both on the prototype; the name is a literal so that minifiers keep it. */
export function brand(prototype: PydistError, code: ErrorCode, name: string): void {
  if (prototypesByCode.has(code)) throw new TypeError(`the code ${code} already has a class`);
  prototypesByCode.set(code, prototype);
  Object.defineProperty(prototype, BRAND, { value: code });
  Object.defineProperty(prototype, "name", { value: name, writable: true, configurable: true });
}

/**
 * Base of every error that pydist itself throws or rejects with; what a task throws is the user's own and is not one.
 *
 * `error.code` is stable across versions. `instanceof` works for errors of another copy or version of this package,
 * for this class and every one below; a user's subclass behaves as any class does.
 */
export class PydistError extends Error {
  /** Stable name of the kind of error, `PYDIST_E_...`; `ERROR_CODES` says what each means. */
  readonly code: ErrorCode;

  static {
    brand(PydistError.prototype, "PYDIST_E_ERROR", "PydistError");
  }

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options !== undefined && "cause" in options ? { cause: options.cause } : undefined);
    this.code = (this as Branded)[BRAND] as ErrorCode;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    const code = codeOfPrototype(this.prototype as object);
    if (code === undefined) return Function.prototype[Symbol.hasInstance].call(this, value);
    if (typeof value !== "object" || value === null) return false;
    let prototype: object | null = Object.getPrototypeOf(value);
    while (prototype !== null) {
      if (codeOfPrototype(prototype) === code) return true;
      prototype = Object.getPrototypeOf(prototype);
    }
    return false;
  }
}
