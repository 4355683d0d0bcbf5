import { types } from "node:util";
import { functionSource } from "@pydist/protocol";
import type { TaskFunction } from "../task.js";
import { locationOf } from "./scopes.js";
import { scriptOf } from "./scripts.js";
import { InspectorUnavailable } from "./session.js";

const nativeText = /\{\s*\[native code\]\s*\}$/;

/** Whether a function is the engine's, or bound: without text. */
export function isNative(fn: object): boolean {
  return nativeText.test(functionSource(fn));
}

/** Whether Node itself made a value: a function or class in a script of Node's, or an instance of such a class. */
export function isOfNode(value: unknown): boolean {
  if (types.isProxy(value)) return false;
  if (typeof value === "object" && value !== null) {
    const prototype = Object.getPrototypeOf(value) as object | null;
    const made: unknown = prototype && Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
    return typeof made === "function" && isOfNode(made);
  }
  if (typeof value !== "function") return false;
  if (isNative(value)) return true;
  try {
    const location = locationOf(value as TaskFunction);
    return location !== undefined && scriptOf(location.scriptId)?.url.startsWith("node:") === true;
  } catch (error) {
    if (error instanceof InspectorUnavailable) return true;
    throw error;
  }
}
