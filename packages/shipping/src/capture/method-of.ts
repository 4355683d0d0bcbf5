import { types } from "node:util";
import { functionSource } from "@pydist/protocol";
import type { TaskFunction } from "../task.js";
import { isObject } from "./is-object.js";
import { ownerOf } from "./objects.js";
import { ordinaryOfFunction, ordinaryOfPrototype } from "./ordinary.js";
import { understood } from "./view.js";

/** A method by its place: the class or prototype that has it, and its name there. */
export class MethodOf {
  readonly holder: object;
  readonly key: PropertyKey;

  constructor(holder: object, key: PropertyKey) {
    this.holder = holder;
    this.key = key;
  }
}

/**
 * The place of a method whose text alone means nothing, because it uses `super` or private names: what it was bound to leads
 * to the class that has it. Undefined for any other function, and where no class has it.
 */
export function methodOf(fn: TaskFunction, self: unknown): MethodOf | undefined {
  if (types.isProxy(fn)) return undefined;
  const text = understood(functionSource(fn), undefined);
  if (text.kind !== "function" || text.form !== "method") return undefined;
  if (text.lexical.super.length === 0 && text.lexical.privates.size === 0) return undefined;
  for (let at = self; isObject(at) && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) {
      if (Object.getOwnPropertyDescriptor(at, key)?.value === fn)
        return isMade(at, key) ? new MethodOf(at, key) : undefined;
    }
  }
  return undefined;
}

/** Whether a property is there as soon as the class that it belongs to is made. */
function isMade(holder: object, key: PropertyKey): boolean {
  const owner = typeof holder === "function" ? holder : ownerOf(holder);
  if (owner === undefined) return false;
  const text = understood(functionSource(owner), undefined);
  if (text.kind !== "class") return false;
  const ordinary = owner === holder ? ordinaryOfFunction(owner, text) : ordinaryOfPrototype(owner, text);
  return ordinary.isOrdinary(key, Object.getOwnPropertyDescriptor(holder, key) as PropertyDescriptor);
}
