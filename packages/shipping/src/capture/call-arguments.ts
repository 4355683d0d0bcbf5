import { type Extension, encodeArguments, encodeValue, shapeOf, typeOfInstance } from "@pydist/protocol";
import type { ShippedCode } from "../code.js";
import { Kinds } from "../graph.js";
import { lowerObject, ownerOf } from "./objects.js";

/**
 * How arguments are encoded for a function that has captured something. What is part of that stays the same object, and
 * instances of a class that is part of it arrive as such.
 */
export function callArguments(
  objects: ReadonlyMap<unknown, number>,
): Pick<ShippedCode, "encodeArguments"> & Required<Pick<ShippedCode, "keeps">> {
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
  const options = { extension, known: objects };
  return {
    encodeArguments: (args, path = "args") =>
      path === "args" ? encodeArguments(args, options) : encodeValue([...args], path, options),
    keeps: (value) =>
      objects.has(value) || (typeof value === "object" && value !== null && isInstanceOfCaptured(value, objects)),
  };
}

function isInstanceOfCaptured(value: object, objects: ReadonlyMap<unknown, number>): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return false;
  const owner = ownerOf(prototype);
  return objects.has(prototype) || (owner !== undefined && objects.has(owner));
}
