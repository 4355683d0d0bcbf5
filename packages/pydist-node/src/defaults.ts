/** What holds unless told otherwise, for nodes and executors. */
export const DEFAULT_CLUSTER = "default";
export const DEFAULT_HOP_LIMIT = 16;
/** MiB with which a worker thread can start and run something. */
export const LEAST_WORKER_MEMORY = 32;
/** Milliseconds. */
export const DEFAULT_CONNECT_TIMEOUT = 10_000;
export const DEFAULT_DRAIN_GRACE = 30_000;
