import { isBuiltInClass } from "./built-in.js";

/** How instances of one class travel. */
export interface RegisteredType {
  /** What both ends call it. */
  readonly name: string;
  /** Whose direct instances it is for. */
  readonly prototype: object;
  pack(instance: unknown): unknown;
  unpack(packed: unknown): unknown;
}

/** A class as far as types care for it: its constructor may be private. */
interface ClassOf<T> {
  readonly name: string;
  readonly prototype: T;
}

/** How the instances of a class are taken apart and put together. */
export interface TypeDefinition<T, P> {
  /** Both ends find the type by it. */
  readonly name: string;
  /** Gives any value that can travel; called once for an instance that is there several times. */
  pack(instance: T): P;
  /** Gives the instance back. `packed` is equal to what `pack` gave, and complete. */
  unpack(packed: P): T;
}

/** A set of types, by name and by class. */
export class Types {
  readonly #byName = new Map<string, RegisteredType>();
  readonly #byPrototype = new Map<object, RegisteredType>();

  get size(): number {
    return this.#byName.size;
  }

  /** Types that came along with something: known to be right, and from now on those of their classes. */
  static of(types: Iterable<RegisteredType>): Types {
    const made = new Types();
    for (const type of types) {
      made.#byName.set(type.name, type);
      made.#byPrototype.set(type.prototype, type);
      came.set(type.prototype, made);
    }
    return made;
  }

  [Symbol.iterator](): Iterator<RegisteredType> {
    return this.#byName.values();
  }

  byName(name: string): RegisteredType | undefined {
    return this.#byName.get(name);
  }

  byPrototype(prototype: object): RegisteredType | undefined {
    return this.#byPrototype.get(prototype);
  }

  /** As `registerType`, for this set. */
  register<T extends object, P>(Class: ClassOf<T>, definition: TypeDefinition<T, P>): void {
    const prototype: unknown = typeof Class === "function" ? (Class as ClassOf<T>).prototype : undefined;
    if (typeof prototype !== "object" || prototype === null)
      throw new TypeError("registerType takes a class, then { name, pack, unpack }");
    const { name, pack, unpack }: Partial<TypeDefinition<T, P>> = definition ?? {};
    if (typeof name !== "string" || name === "")
      throw new TypeError(`registerType(${Class.name}): name is to be a text that is not empty; types are found by it`);
    if (typeof pack !== "function" || typeof unpack !== "function")
      throw new TypeError(`registerType(${Class.name}): pack and unpack are to be functions`);
    if (isBuiltInClass(prototype))
      throw new TypeError(
        `registerType(${Class.name}): it is built in and travels as it is. Register a class of your own`,
      );
    const other = this.#byPrototype.get(prototype);
    if (other !== undefined && other.name !== name)
      throw new TypeError(
        `registerType(${Class.name}): it is registered as "${other.name}" and cannot be "${name}" too`,
      );
    const holder = this.#byName.get(name);
    if (holder !== undefined && holder.prototype !== prototype)
      throw new TypeError(
        `registerType(${Class.name}): "${name}" is the name of ${className(holder.prototype)} already. Give it another`,
      );
    const type = { name, prototype, pack: pack.bind(definition), unpack: unpack.bind(definition) } as RegisteredType;
    this.#byName.set(name, type);
    this.#byPrototype.set(prototype, type);
  }
}

function className(prototype: object): string {
  const made: unknown = prototype.constructor;
  return typeof made === "function" && made.name !== "" ? made.name : "another class";
}

/** Sets that came along, by the prototypes of their classes: a class that was sent is registered where it came with. */
const came = new WeakMap<object, Types>();

const processTypes = new Types();

/**
 * Makes instances of a class of one's own travel, in arguments, results and whatever a function has captured:
 * `pack(instance)` gives a value that can travel, `unpack(packed)` makes the instance of it again. Class and functions go
 * along with functions that are shipped; modules that a node imports itself register under the same name there. This is
 * what `copyreg` and `__reduce__` are to CPython's pickle.
 *
 *     registerType(Vector, { name: "vector", pack: ({ x, y }) => [x, y], unpack: ([x, y]) => new Vector(x, y) });
 *
 * It is for direct instances only; a subclass registers itself. It comes before what the codec does by itself, so that a
 * class may extend Map or Error. One instance in many places is packed once and arrives as one. What `pack` gives may
 * hold instances of registered classes, but not the one that is being packed: `unpack` has nothing to refer to before it
 * returns. Registering the same class and name again replaces the functions; of a class that came along, those of its task.
 *
 * Encoding throws a SerializationError when `pack` throws or gives what cannot travel; decoding, when the name is not
 * registered there or `unpack` throws (then as the cause).
 *
 * @throws TypeError when it is not a class or a built-in one, the name is empty, a function is missing, or the class has
 * another name or the name another class already.
 */
export function registerType<T extends object, P>(Class: ClassOf<T>, type: TypeDefinition<T, P>): void {
  const prototype = (Class as ClassOf<T> | undefined)?.prototype;
  ((prototype && came.get(prototype)) ?? processTypes).register(Class, type);
}

/** Whether there are any, in `types` or in the process. */
export function hasRegisteredTypes(types?: Types): boolean {
  return processTypes.size > 0 || (types?.size ?? 0) > 0;
}

/** Those in `types`, and those of the process that have other names. */
export function registeredTypes(types: Types = processTypes): RegisteredType[] {
  return [...types, ...[...processTypes].filter(({ name }) => types.byName(name) === undefined)];
}

/** The type that a value is an instance of, in `types` or else in the process; undefined for most. */
export function typeOfInstance(value: object, types?: Types): RegisteredType | undefined {
  if (!hasRegisteredTypes(types)) return undefined;
  const type = typeOfPrototype(Object.getPrototypeOf(value) as object | null, types);
  // The `prototype` of a subclass is made as an instance would be, and is none.
  return type === undefined || isPrototype(value) ? undefined : type;
}

/** The type whose instances have a prototype, in `types` or else in the process. */
export function typeOfPrototype(prototype: object | null, types?: Types): RegisteredType | undefined {
  if (prototype === null) return undefined;
  return types?.byPrototype(prototype) ?? processTypes.byPrototype(prototype);
}

function isPrototype(value: object): boolean {
  const made: unknown = Object.getOwnPropertyDescriptor(value, "constructor")?.value;
  return typeof made === "function" && Object.getOwnPropertyDescriptor(made, "prototype")?.value === value;
}

/** The type of a name, in `types` or else in the process. */
export function typeOfName(name: string, types?: Types): RegisteredType | undefined {
  return types?.byName(name) ?? processTypes.byName(name);
}
