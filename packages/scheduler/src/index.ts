export type { Standing } from "./drain.js";
export {
  type Duty,
  POOL,
  type ReceiverId,
  type SchedulerAction,
  type SchedulerConfig,
  type SchedulerEvent,
  type UpstreamId,
} from "./events.js";
export { appendIndex, eachIndex } from "./ranges.js";
export { Scheduler } from "./scheduler.js";
export { InvariantError, validate } from "./validate.js";
