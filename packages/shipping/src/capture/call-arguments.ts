import { type EncodedValue, type Extension, encodeArguments, shapeOf, typeOfInstance } from "@pydist/protocol";
import { Kinds } from "../graph.js";
import { lowerObject, ownerOf } from "./objects.js";

/**
 * Encodes the arguments of a call of a function that has captured something. What is part of that stays the same object, and
 * instances of a class that is part of it arrive as such.
 * @throws SerializationError, or Refused, naming the argument that cannot travel
 */
export function encodeCallArguments(args: readonly unknown[], objects: ReadonlyMap<unknown, number>): EncodedValue {
  const extension: Extension = {
    lower(value, path) {
      if (typeof value !== "object") return undefined;
      const owner = ownerOf(value);
      if (owner !== undefined && objects.has(owner)) return { type: Kinds.Prototype, parts: [owner] };
      if (shapeOf(value) !== undefined || typeOfInstance(value) !== undefined) return undefined;
      return isInstanceOfCaptured(value, objects) ? lowerObject(value, path, () => false) : undefined;
    },
    create: () => undefined,
    fill: () => {},
  };
  return encodeArguments(args, { extension, known: objects });
}

function isInstanceOfCaptured(value: object, objects: ReadonlyMap<unknown, number>): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return false;
  const owner = ownerOf(prototype);
  return objects.has(prototype) || (owner !== undefined && objects.has(owner));
}
