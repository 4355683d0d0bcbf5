/** Deeper data takes the rich way, which needs no stack. */
const MAX_DEPTH = 100;
/** Up to this length a list of keys costs less than one of values; beyond, keys would be made into strings. */
const SHORT = 16;
/** Up to this many containers a list is searched faster than a Set is built. */
const FEW = 8;

/** The containers of one value, to notice one that is there twice. */
class Containers {
  readonly #few: object[] = [];
  #many: Set<object> | undefined;

  /** False if it was added before. */
  add(container: object): boolean {
    if (this.#many !== undefined) {
      const before = this.#many.size;
      return this.#many.add(container).size > before;
    }
    if (this.#few.includes(container)) return false;
    this.#few.push(container);
    if (this.#few.length === FEW) this.#many = new Set(this.#few);
    return true;
  }
}

/** JSON carries this primitive as it is: not so NaN, the infinities and -0. */
export function isPlainPrimitive(value: unknown): boolean {
  switch (typeof value) {
    case "number":
      // Infinity - Infinity and NaN - NaN are not 0.
      return value - value === 0 && (value !== 0 || 1 / value > 0);
    case "string":
    case "boolean":
      return true;
    default:
      return value === null;
  }
}

/** Whether an array is one with a value at every index and nothing else; the caller has looked for holes. */
export function isBareArray(array: readonly unknown[]): boolean {
  const properties = array.length <= SHORT ? Object.keys(array) : Object.values(array);
  return properties.length === array.length && Object.getOwnPropertySymbols(array).length === 0;
}

function isPlainArray(array: readonly unknown[], containers: Containers | undefined, depth: number): boolean {
  if (Object.getPrototypeOf(array) !== Array.prototype) return false;
  let known = containers;
  for (let i = 0; i < array.length; i++) {
    const item = array[i];
    if (isPlainPrimitive(item)) continue;
    if (typeof item !== "object" || item === null) return false;
    if (known === undefined) {
      known = new Containers();
      known.add(array);
    }
    if (!isPlainContainer(item, known, depth + 1)) return false;
  }
  return isBareArray(array);
}

function isPlainObject(object: object, containers: Containers | undefined, depth: number): boolean {
  if (Object.getPrototypeOf(object) !== Object.prototype) return false;
  let known = containers;
  // Inherited keys are met only if someone added to Object.prototype; they can only send the value the rich way.
  for (const key in object) {
    const value = (object as Record<string, unknown>)[key];
    if (!isPlainPrimitive(value)) {
      if (typeof value !== "object" || value === null) return false;
      if (known === undefined) {
        known = new Containers();
        known.add(object);
      }
      if (!isPlainContainer(value, known, depth + 1)) return false;
    }
    // A getter whose second answer differs: JSON.stringify would write what nobody has looked at.
    if ((object as Record<string, unknown>)[key] !== value) return false;
  }
  return Object.getOwnPropertySymbols(object).length === 0;
}

function isPlainContainer(container: object, containers: Containers | undefined, depth: number): boolean {
  if (depth > MAX_DEPTH || (containers !== undefined && !containers.add(container))) return false;
  return Array.isArray(container)
    ? isPlainArray(container, containers, depth)
    : isPlainObject(container, containers, depth);
}

/**
 * Whether `JSON.parse(JSON.stringify(value))` is equal to `value` in every respect: plain data without undefined, NaN,
 * -0, holes, symbols, shared references or cycles, and not very deep. Cheap: no allocation for primitives and flat
 * arrays, one look at everything else. Never throws.
 */
export function isPlain(value: unknown): boolean {
  try {
    return (
      isPlainPrimitive(value) || (typeof value === "object" && value !== null && isPlainContainer(value, undefined, 0))
    );
  } catch {
    // A getter or proxy that throws when it is looked at is not plain.
    return false;
  }
}

/** The JSON text of a plain value; undefined for all others, and for a text that is longer than a string can be. */
export function plainText(value: unknown): string | undefined {
  try {
    if (isPlainPrimitive(value)) return primitiveText(value);
    if (typeof value !== "object" || value === null) return undefined;
    if (Array.isArray(value) && value.length > 0 && value.length <= 3) {
      const text = shortText(value as unknown[]);
      if (text !== undefined)
        return isBareArray(value) && Object.getPrototypeOf(value) === Array.prototype ? text : undefined;
    }
    return isPlainContainer(value, undefined, 0) ? JSON.stringify(value) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * As `plainText`, for the array of a call's arguments: only its items count, so that it need not be asked for more.
 * Undefined unless it is a few primitives.
 */
export function argumentsText(args: readonly unknown[]): string | undefined {
  return args.length > 0 && args.length <= 3 ? shortText(args) : undefined;
}

/** The arguments of most calls are a few primitives: their text is put together faster than JSON.stringify starts. */
function shortText(array: readonly unknown[]): string | undefined {
  const [a, b, c] = array;
  if (!isPlainPrimitive(a)) return undefined;
  if (array.length === 1) return `[${primitiveText(a)}]`;
  if (!isPlainPrimitive(b)) return undefined;
  if (array.length === 2) return `[${primitiveText(a)},${primitiveText(b)}]`;
  return isPlainPrimitive(c) ? `[${primitiveText(a)},${primitiveText(b)},${primitiveText(c)}]` : undefined;
}

function primitiveText(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : `${value}`;
}
