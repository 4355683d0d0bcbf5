// The side that runs functions, without the parser that the side that ships them needs.
export { type Callable, type Captured, sha256 } from "./code.js";
export { CONTEXT_PROVIDER, CONTEXT_WANTED, type TaskContext, type TaskLog } from "./context.js";
export { type Initializer, initializerText, parseInitializer } from "./initializer.js";
export { CodeCache, type LoadOptions, load } from "./load.js";
export { Lru } from "./lru.js";
export type { Bound, CapturedHere, Program } from "./rebuild/program.js";
export { isWorkerOfPydist, WORKER_MARK } from "./worker-mark.js";
