export type {
  Captured,
  Code,
  FunctionsCode,
  FunctionText,
  GlobalCode,
  Helper,
  ReferenceCode,
  ShippedCode,
} from "./code.js";
export {
  type Callable,
  CodeCache,
  initializerText,
  type LoadOptions,
  load,
  sha256,
  type TaskContext,
  type TaskLog,
} from "./runtime.js";
export { ship } from "./ship.js";
export { relocate } from "./stacks/relocate.js";
export { isTaskReference, type Task, type TaskFunction, type TaskReference } from "./task.js";
export { task } from "./task-at-hand.js";
