export type { Captured, Code, GlobalCode, Helper, ReferenceCode, ShippedCode, SourceCode } from "./code.js";
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
export { isTaskReference, type Task, type TaskFunction, type TaskReference, task } from "./task.js";
