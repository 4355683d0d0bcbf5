export { DEFAULT_CLUSTER, DEFAULT_CONNECT_TIMEOUT, DEFAULT_HOP_LIMIT, LEAST_WORKER_MEMORY } from "./defaults.js";
export { Engine } from "./engine/engine.js";
export type { EngineEvents, EngineOptions } from "./engine/engine-options.js";
export type { Step } from "./engine/trail.js";
export {
  checkAddress,
  dial,
  dialUntil,
  formatAddress,
  isLoopback,
  type LinkLike,
  parseAddress,
  type Resolve,
  resolveSecret,
} from "./links/index.js";
export { type Logger, silent } from "./logger.js";
export {
  ClusterNode,
  type ClusterNodeEvents,
  type ClusterNodeOptions,
} from "./node/cluster-node.js";
export { defaultWorkers, describeNode, type NodeInfo, toNodeInfos } from "./node/description.js";
export { openDoorway } from "./node/doorway.js";
export type { Accompany, Guide, Guided } from "./node/guide.js";
export type { CacheOptions } from "./store/cache-folder.js";
export { VERSION } from "./version.js";
