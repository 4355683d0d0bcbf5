export type { Standing } from "./drain.js";
export { dump } from "./dump.js";
export {
  type Duty,
  POOL,
  type ReceiverId,
  type SchedulerAction,
  type SchedulerConfig,
  type SchedulerEvent,
  type UpstreamId,
} from "./events.js";
export { heldBy, heldFor } from "./held.js";
export { PATIENCE } from "./offer.js";
export { appendIndex, countIn, eachIndex } from "./ranges.js";
export { Scheduler } from "./scheduler.js";
export { InvariantError, validate } from "./validate.js";
export { type Hindrance, type Tries, type Whereabouts, whereabouts } from "./whereabouts.js";
