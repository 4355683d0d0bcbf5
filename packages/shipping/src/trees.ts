// What a process gives to those that lack it, without the parser that shipping needs.
export { localFolder, provideTree, readProvided } from "./trees/provider.js";
export type { LocalTree } from "./trees/scan-directory.js";
