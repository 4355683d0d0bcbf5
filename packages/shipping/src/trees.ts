// What a process gives to those that lack it, without the parser that shipping needs.

export type { LocalTree } from "./trees/local-tree.js";
export { localFolder, provideTree, readProvided } from "./trees/provider.js";
