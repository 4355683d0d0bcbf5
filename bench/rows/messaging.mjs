import { alone, compared } from "./figures.mjs";

/** @param {import("../harness/options.mjs").Sizes} sizes */
export function messagingRows({ fewRounds, trips, mebibytes }) {
  const pingPong = { operation: "pingPong", parameters: { trips }, warmUp: { trips } };
  const stream = { operation: "stream", parameters: { mebibytes }, warmUp: { mebibytes } };
  const entries = (work) => [
    { key: "threads", peer: "ranks", ...work, open: { nodes: 1 } },
    { key: "nodes", peer: "ranks", ...work, open: { nodes: 2 } },
    { key: "mpi", peer: "mpi", ...work, open: {} },
  ];
  const figures = (unit) => [
    alone("threads", "pydist: two ranks on one node", unit),
    compared("threads", "mpi", "mpi4py: two processes and shared memory", unit),
    alone("nodes", "pydist: two ranks on two nodes", unit),
    compared("nodes", "mpi", "mpi4py, beside pydist on two nodes", unit),
  ];
  return [
    {
      id: "i",
      title: "a number to another rank and back (less is better)",
      note: "medians of single round trips. Between nodes a message goes up to the program and down again",
      rounds: fewRounds,
      entries: entries(pingPong),
      figures: figures("us"),
    },
    {
      id: "j",
      title: `${mebibytes} messages of 1 MiB from one rank to another (less is better)`,
      note: "between nodes each passes two TLS links, and the program in between",
      rounds: fewRounds,
      entries: entries(stream),
      figures: figures("ms"),
    },
  ];
}
