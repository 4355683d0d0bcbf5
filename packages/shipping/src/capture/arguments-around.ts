import { type Extra, functionSource } from "@pydist/protocol";
import { Flag, Kinds } from "../graph.js";
import { scopesOf } from "../inspect/scopes.js";
import { detailStep, detailsOf, flagsOf } from "./details.js";
import { isPlainPrototype } from "./objects.js";
import { Refused } from "./refused.js";
import type { View } from "./view.js";

/** The `arguments` around functions, in their place: as a value of a variable they do not travel. */
export class Given {
  readonly object: object;

  constructor(object: object) {
    this.object = object;
  }
}

/** The `arguments` that functions of one capture see around them: the same is one object for all that see it. */
export class ArgumentsAround {
  readonly #known = new Map<object, Given>();

  of(object: object): Given {
    let given = this.#known.get(object);
    if (given === undefined) {
      given = new Given(object);
      this.#known.set(object, given);
    }
    return given;
  }

  /**
   * In sloppy code a parameter and its place in `arguments` are one; there they are two, which shows as soon as either
   * changes.
   * @throws Refused
   */
  check(views: ReadonlyMap<View, () => string>): void {
    for (const object of this.#known.keys()) {
      if (!isCalleeKnown(object)) continue;
      const isWritten = [...views.keys()].some((view) => argumentsOf(view) === object && writesArguments(view));
      for (const [view, path] of views) {
        if (view.understood.kind === "unreadable") continue;
        for (const [name, { at, written }] of view.understood.free) {
          if (!(isWritten || written) || !isOneOf(object, view, name)) continue;
          throw new Refused(
            path(),
            `uses the parameter "${name}" ${view.whereIs(at)}, which in sloppy code is the same as its place in "arguments", and one of the two is changed`,
            "Copy them outside of the function, and use that: const given = [...arguments].",
          );
        }
      }
    }
  }
}

function argumentsOf({ seen }: View): unknown {
  const found = seen.get("arguments");
  return found?.kind === "value" ? found.value : undefined;
}

function writesArguments({ understood }: View): boolean {
  return understood.kind !== "unreadable" && understood.lexical.arguments?.written === true;
}

/** Whether a variable and some place in `arguments` are one: what is put there is found in the variable. */
function isOneOf(object: object, { fn, seen }: View, name: string): boolean {
  const found = seen.get(name);
  if (found?.kind !== "value") return false;
  return Object.entries(Object.getOwnPropertyDescriptors(object)).some(([key, { value, writable }]) => {
    if (!/^\d+$/.test(key) || writable !== true || !Object.is(value, found.value)) return false;
    const marker = {};
    Reflect.set(object, key, marker);
    try {
      const now = scopesOf(fn).read([name]).get(name);
      return now?.kind === "value" && now.value === marker;
    } finally {
      Reflect.set(object, key, value);
    }
  });
}

/** Whether `arguments.callee` is a function: those of sloppy code, which follow the parameters. */
export function isCalleeKnown(object: object): boolean {
  return typeof Object.getOwnPropertyDescriptor(object, "callee")?.value === "function";
}

function isOrdinaryIterator(descriptor: PropertyDescriptor): boolean {
  if (flagsOf(descriptor) !== (Flag.Writable | Flag.Configurable) || typeof descriptor.value !== "function")
    return false;
  // By its text, for each realm has its own.
  return functionSource(descriptor.value) === "function values() { [native code] }";
}

export function lowerGiven({ object }: Given): Extra {
  const prototype = Object.getPrototypeOf(object) as object | null;
  const details = detailsOf(object, {
    prototype: prototype !== null && isPlainPrototype(prototype) ? prototype : Object.prototype,
    deletable: ["length", Symbol.iterator],
    isOrdinary: (key, descriptor) => key === "callee" || (key === Symbol.iterator && isOrdinaryIterator(descriptor)),
  });
  return { type: Kinds.Arguments, parts: details, step: (part) => detailStep(details, part) };
}
