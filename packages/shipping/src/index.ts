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
export { type AnyFunctions, type Environment, environment, type ModuleText } from "./environment.js";
export { globalsAreVariables } from "./inspect/prompt.js";
export {
  base64,
  type Callable,
  CodeCache,
  initializerText,
  type LoadOptions,
  load,
  sha256,
  type TaskContext,
  type TaskLog,
} from "./runtime.js";
export { type Surroundings, ship } from "./ship.js";
export { relocate } from "./stacks/relocate.js";
export { markStaying } from "./stays.js";
export { isTaskReference, type Task, type TaskFunction, type TaskReference } from "./task.js";
export { task } from "./task-at-hand.js";
export { withCodeDir } from "./trees/code-dir.js";
export type { LocalTree } from "./trees/local-tree.js";
export { makeManifest } from "./trees/manifest.js";
export type { PackageRef } from "./trees/package-ref.js";
export { packageTree } from "./trees/package-tree.js";
export { packageKey, rememberNamed } from "./trees/provider.js";
export { scanDirectory } from "./trees/scan-directory.js";
