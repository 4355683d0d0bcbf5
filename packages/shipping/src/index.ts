export type { Code, GlobalCode, Helper, ReferenceCode, ShippedCode, SourceCode } from "./code.js";
export { type Callable, CodeCache, type LoadOptions, load } from "./runtime.js";
export { ship } from "./ship.js";
export { isTaskReference, type TaskFunction, type TaskReference, task } from "./task.js";
