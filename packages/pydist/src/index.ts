export {
  AuthenticationError,
  BrokenExecutorError,
  CancelledError,
  ConnectionError,
  CycleError,
  HopLimitError,
  InvalidStateError,
  NodeLostError,
  PydistError,
  registerErrorClass,
  SerializationError,
  ShippingError,
  ShutdownError,
  TimeoutError,
  VersionMismatchError,
  WorkerExitError,
  WorkerMemoryError,
} from "@pydist/protocol";
export { task } from "@pydist/shipping";
export type { Logger, NodeInfo } from "pydist-node";
export type { TaskSettled } from "./dispatcher.js";
export { ClusterExecutor, type ExecutorEvents } from "./executor.js";
export { Future, type FutureState } from "./future.js";
export { MapResult } from "./map-result.js";
export type { AnyIterable } from "./map-source.js";
export type { ExecutorOptions, MapOptions, Progress, SubmitOptions } from "./options.js";
export type { NodeStats, Stats } from "./statistics.js";
export { asCompleted, type ReturnWhen, type WaitOptions, wait } from "./wait.js";
