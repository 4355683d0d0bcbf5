// The side that runs functions, without the parser that the side that ships them needs.
export { type Callable, sha256 } from "./code.js";
export { CONTEXT_PROVIDER, CONTEXT_WANTED, needsContext, type TaskContext, type TaskLog } from "./context.js";
export { type Initializer, initializerText, parseInitializer } from "./initializer.js";
export { CodeCache, type LoadOptions, load } from "./load.js";
export { isWorkerOfPydist, WORKER_MARK } from "./worker-mark.js";
