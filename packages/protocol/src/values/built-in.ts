import { codeOfPrototype } from "../errors/base.js";
import { isBuiltInError } from "./error-classes.js";
import { bufferClass, isIntrinsic } from "./shapes.js";

/** Whether a class travels by itself and cannot be given other ways, by its prototype. */
export function isBuiltInClass(prototype: object): boolean {
  return (
    isIntrinsic(prototype) ||
    isBuiltInError(prototype) ||
    prototype === bufferClass()?.prototype ||
    codeOfPrototype(prototype) !== undefined
  );
}
