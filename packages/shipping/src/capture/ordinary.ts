import { types } from "node:util";
import { functionSource } from "@pydist/protocol";
import type { Member } from "../analysis/class-facts.js";
import type { Understood, UnderstoodClass, UnderstoodFunction } from "../analysis/understand.js";
import { Flag, isDetailed, type MaybeDetails } from "../graph.js";
import { detailsOf, flagsOf, type Ordinary } from "./details.js";

/** What a function or class has by itself, as soon as it is made from its text. */
export function ordinaryOfFunction(fn: object, understood: UnderstoodFunction | UnderstoodClass): Ordinary {
  return {
    prototype: prototypeOf(fn, understood),
    deletable: ["length", "name", ...keysOf(understood, true)],
    isOrdinary: (key, descriptor) => {
      switch (key) {
        case "length":
          return flagsOf(descriptor) === Flag.Configurable && descriptor.value === understood.length;
        case "name":
          return flagsOf(descriptor) === Flag.Configurable && typeof descriptor.value === "string";
        case "prototype":
          return isPristine(descriptor.value, fn, understood);
        case "arguments":
        case "caller":
          // Sloppy functions have them, and say nothing by them.
          return descriptor.value === null;
        default:
          return understood.kind === "class" && isMember(understood, true, key, descriptor);
      }
    },
  };
}

/** What the `prototype` of a function has as soon as the function is made. */
export function ordinaryOfPrototype(owner: object, understood: Understood): Ordinary {
  if (understood.kind === "function" && understood.isGenerator) {
    return {
      prototype: (understood.isAsync ? asyncGeneratorPrototype : generatorPrototype) as object,
      isOrdinary: () => false,
    };
  }
  return {
    prototype: parentOf(owner, understood),
    deletable: ["constructor", ...keysOf(understood, false)],
    isOrdinary: (key, descriptor) =>
      key === "constructor"
        ? descriptor.value === owner && flagsOf(descriptor) === (Flag.Writable | Flag.Configurable)
        : understood.kind === "class" && isMember(understood, false, key, descriptor),
  };
}

/**
 * What the `prototype` of a package's class was given when it was in use, as some packages do. What is enumerable was
 * assigned when the package was loaded, which the node does as well.
 */
export function laterMembersOf(prototype: object, { isOrdinary }: Ordinary): MaybeDetails {
  const details = detailsOf(prototype, {
    prototype: Object.getPrototypeOf(prototype) as object | null,
    isOrdinary: (key, descriptor) => descriptor.enumerable === true || isOrdinary(key, descriptor),
  });
  return isDetailed(details) && details[3].length > 0 ? details : [];
}

function isPristine(prototype: unknown, owner: object, understood: Understood): boolean {
  if (typeof prototype !== "object" || prototype === null) return false;
  const ordinary = ordinaryOfPrototype(owner, understood);
  const keys = Reflect.ownKeys(prototype);
  return (
    Object.isExtensible(prototype) &&
    Object.getPrototypeOf(prototype) === ordinary.prototype &&
    (ordinary.deletable ?? []).every((key) => Object.hasOwn(prototype, key)) &&
    keys.every((key) => ordinary.isOrdinary(key, Object.getOwnPropertyDescriptor(prototype, key) as PropertyDescriptor))
  );
}

const asyncFunction: unknown = Object.getPrototypeOf(async () => {});
const generatorFunction: unknown = Object.getPrototypeOf(function* () {});
const asyncGeneratorFunction: unknown = Object.getPrototypeOf(async function* () {});

const generatorPrototype: unknown = Object.getPrototypeOf(function* () {}.prototype);
const asyncGeneratorPrototype: unknown = Object.getPrototypeOf(async function* () {}.prototype);

const kinds = /^function (?:Async)?(?:Generator)?Function\(\) \{ \[native code\] \}$/;

/** The prototype of functions of another realm. */
function isForeign(prototype: unknown): boolean {
  const made: unknown = Object.getOwnPropertyDescriptor(Object(prototype), "constructor")?.value;
  return typeof made === "function" && made !== Function && kinds.test(functionSource(made));
}

function prototypeOf(fn: object, understood: UnderstoodFunction | UnderstoodClass): object | null {
  // What a class extends is made first, and so its prototype.
  if (understood.kind === "class" && understood.heritage === "expression") return Object.getPrototypeOf(fn);
  const actual: unknown = Object.getPrototypeOf(fn);
  // Of a vm context: a node has one realm.
  if (isForeign(actual)) return actual as object;
  const { isAsync, isGenerator } = understood;
  if (!isAsync && !isGenerator) return Function.prototype;
  return (isAsync ? (isGenerator ? asyncGeneratorFunction : asyncFunction) : generatorFunction) as object;
}

function parentOf(owner: object, understood: Understood): object | null {
  if (understood.kind !== "class" || understood.heritage === "none") return Object.prototype;
  if (understood.heritage === "null") return null;
  const parent: unknown = Object.getPrototypeOf(owner);
  if (typeof parent !== "function" || types.isProxy(parent)) return null;
  return (Object.getOwnPropertyDescriptor(parent, "prototype")?.value as object | null | undefined) ?? null;
}

/** Methods and accessors that the text of a class has by plain names. */
function keysOf(understood: Understood, isStatic: boolean): string[] {
  if (understood.kind !== "class") return [];
  return understood.members
    .filter((member) => member.isStatic === isStatic && !member.isPrivate)
    .map(({ key }) => key)
    .filter((key) => key !== undefined);
}

/** Whether a property is a method or an accessor that the text of the class has. */
function isMember(
  { members }: UnderstoodClass,
  isStatic: boolean,
  key: PropertyKey,
  descriptor: PropertyDescriptor,
): boolean {
  if (descriptor.enumerable === true || descriptor.configurable !== true) return false;
  if (descriptor.writable === false) return false;
  const has = (kind: Member["kind"], fn: unknown): boolean =>
    fn === undefined ||
    (typeof fn === "function" &&
      members.some(
        (member) =>
          member.kind === kind &&
          member.isStatic === isStatic &&
          !member.isPrivate &&
          (member.key === undefined || member.key === key) &&
          member.source === functionSource(fn),
      ));
  return "value" in descriptor
    ? has("method", descriptor.value)
    : has("get", descriptor.get) && has("set", descriptor.set);
}
