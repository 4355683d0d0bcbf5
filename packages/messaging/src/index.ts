export { GangError, RankError } from "@pydist/protocol";
export type { Rooted } from "./collectives.js";
export type { Comm, From, Received, Tag } from "./comm.js";
export { type SpmdOptions, spmd } from "./spmd.js";
