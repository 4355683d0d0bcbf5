export {
  type AnyIterable,
  asCompleted,
  type Completing,
  Executor,
  Future,
  type FutureState,
  type Given,
  type GivenAll,
  type Items,
  type MapOptions,
  MapResult,
  type NodeStats,
  type Progress,
  type ReturnWhen,
  type Stats,
  type SubmitOptions,
  type TaskSettled,
  type WaitOptions,
  wait,
} from "@pydist/futures";
export {
  AuthenticationError,
  BrokenExecutorError,
  CancelledError,
  CheckpointError,
  ConnectionError,
  CycleError,
  DependencyError,
  ExecRefusedError,
  GangError,
  HopLimitError,
  InvalidStateError,
  NodeLostError,
  PydistError,
  RankError,
  registerErrorClass,
  registerType,
  SerializationError,
  ShippingError,
  ShutdownError,
  TimeoutError,
  type TypeDefinition,
  VersionMismatchError,
  WorkerExitError,
  WorkerMemoryError,
} from "@pydist/protocol";
export { type AnyFunctions, type Environment, environment, type ModuleText, type TaskLog } from "@pydist/shipping";
export type { Logger, NodeInfo, Step } from "pydist-node";
export { ClusterExecutor, type ExecutorEvents } from "./executor.js";
export type { Explanation } from "./explanation.js";
export type { ExecutorOptions, ShutdownOptions } from "./options.js";
export type { OutputLine, OutputOption } from "./output.js";
export { type TaskContext, task } from "./task.js";
