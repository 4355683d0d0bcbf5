/**
 * Every peer exports `open(options)`: an object with the operations that rows name, or, if it cannot run on this
 * machine, the reason as a string.
 * @type {Record<string, () => Promise<{ open: (options: any) => any }>>}
 */
export const peers = {
  pydist: () => import("./pydist.mjs"),
  piscina: () => import("./piscina.mjs"),
  tinypool: () => import("./tinypool.mjs"),
  workerpool: () => import("./workerpool.mjs"),
  rawThreads: () => import("./raw-threads.mjs"),
  rawWs: () => import("./raw-ws.mjs"),
  python: () => import("./python.mjs"),
  promises: () => import("./promises.mjs"),
  timers: () => import("./timers.mjs"),
  ranks: () => import("./ranks.mjs"),
  mpi: () => import("./mpi.mjs"),
  start: () => import("./start.mjs"),
};
