// The side that runs functions, without the parser that the side that ships them needs.
export { base64, type Callable, type Captured, type CodeRoot, sha256 } from "./code.js";
export { CONTEXT_PROVIDER, CONTEXT_WANTED, type TaskContext, type TaskLog } from "./context.js";
export { type Initializer, initializerText, parseInitializer } from "./initializer.js";
export { CodeCache, type LoadOptions, load } from "./load.js";
export { Lru } from "./lru.js";
export type { Bound, Program } from "./rebuild/program.js";
export { nameAsWritten } from "./stacks/as-written.js";
export { findPackage } from "./trees/find-package.js";
export { type Manifest, type NamedManifest, parseManifest, type TreeFile } from "./trees/manifest.js";
export { isOwnPackage, isPackageKey, type PackageRef } from "./trees/package-ref.js";
export { type FoundTree, type FoundTrees, learnTrees, treesNeeded } from "./trees/roots.js";
export { isTreeHash } from "./trees/tree-key.js";
export { isWorkerOfPydist, WORKER_MARK } from "./worker-mark.js";
