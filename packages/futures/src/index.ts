export type { AnyFunction, Given, GivenAll, Items, SubmitRest } from "./arguments.js";
export type { Content } from "./contents.js";
export { Dispatcher } from "./dispatcher.js";
export { type DispatcherOptions, UNTOLD_HOPS } from "./dispatcher-options.js";
export { Executor } from "./executor.js";
export { findTask } from "./find.js";
export { Future, type FutureState, type Missing } from "./future.js";
export type { KeepAlive } from "./keep-alive.js";
export { callUser } from "./listeners.js";
export { MapResult } from "./map-result.js";
export type { AnyIterable } from "./map-source.js";
export {
  type Check,
  checkOptions,
  integer,
  type MapOptions,
  milliseconds,
  ofType,
  type SubmitOptions,
  shortText,
} from "./options.js";
export type { Port, Submitter } from "./port.js";
export type { Progress } from "./progress.js";
export type { TaskSettled } from "./settled.js";
export type { Ending, Route, Sink } from "./sink.js";
export { type NodeStats, Statistics, type Stats } from "./statistics.js";
export { after } from "./timer.js";
export { asCompleted, type Completing, type ReturnWhen, type WaitOptions, wait } from "./wait.js";
