import { types } from "node:util";
import { functionSource } from "@pydist/protocol";
import type { TaskFunction } from "../task.js";
import { inspect, type Remote } from "./session.js";

export interface BoundParts {
  readonly target: TaskFunction;
  readonly thisValue: unknown;
  readonly args: readonly unknown[];
}

/** What a bound function is bound to; undefined for any other. Of a bound bound function, one layer. */
export function boundPartsOf(fn: TaskFunction): BoundParts | undefined {
  if (types.isProxy(fn)) return undefined;
  return inspect((inspection) => {
    const part = inspection.internalsOf(fn);
    const remote = part("[[TargetFunction]]");
    if (remote === undefined) return undefined;
    const [target, thisValue, args] = inspection.valuesOf([remote, part("[[BoundThis]]"), part("[[BoundArgs]]")]);
    return { target: target as TaskFunction, thisValue, args: [...(args as unknown[])] };
  });
}

/** A private member of an object, with the value it has. An accessor is not run. */
export type PrivateMember =
  | { readonly name: `#${string}`; readonly kind: "field" | "method"; readonly value: unknown }
  | {
      readonly name: `#${string}`;
      readonly kind: "accessor";
      readonly value: { readonly get: TaskFunction | undefined; readonly set: TaskFunction | undefined };
    };

/**
 * The private members of an object, or the private statics of a class. Where a class and its superclass use the same
 * name, it is there twice. Methods and accessors are there only if some code uses them. Runs nothing of the user's.
 */
export function privateMembersOf(object: object): PrivateMember[] {
  if (types.isProxy(object)) return [];
  return inspect((inspection) => {
    // Newer than the types.
    const { privateProperties = [] } = inspection.partsOf(object) as {
      readonly privateProperties?: readonly { name: string; value?: Remote; get?: Remote; set?: Remote }[];
    };
    if (privateProperties.length === 0) return [];
    const values = inspection.valuesOf(privateProperties.flatMap(({ value, get, set }) => [value, get, set]));
    return privateProperties.map(({ name, value }, i) => {
      const [live, get, set] = values.slice(3 * i, 3 * i + 3);
      return value === undefined
        ? { name: name as `#${string}`, kind: "accessor", value: { get, set } as never }
        : { name: name as `#${string}`, kind: isMethod(live, name) ? "method" : "field", value: live };
    });
  });
}

/** V8 does not tell a method from a field that holds a function; only a method's text begins with the private name. */
function isMethod(value: unknown, name: string): boolean {
  if (typeof value !== "function" || types.isProxy(value)) return false;
  const text = functionSource(value);
  return /^(?:async\b\s*)?(?:\*\s*)?(#[\w$]*|#[^\s(]*)/.exec(text)?.[1] === name;
}
