import { alone, atLeast, atMost, compared } from "./figures.mjs";

/** @param {import("../harness/options.mjs").Sizes} sizes @param {number} threads */
export function bulkRows({ rounds, fewRounds, mebibytes, million }, threads) {
  const values = (mebibytes * 2 ** 20) / Float64Array.BYTES_PER_ELEMENT;
  const echo = { operation: "echo", parameters: { values }, warmUp: { values } };
  const memory = { operation: "memory", fresh: true };
  return [
    {
      id: "f",
      title: `a Float64Array of ${mebibytes} MiB there and back through a root (less is better)`,
      note: "the target is 70 % of the throughput of raw ws, which sends it as one message and hands it to no thread",
      rounds,
      entries: [
        { key: "pydist", peer: "pydist", ...echo, open: { threads, root: {} } },
        { key: "ws", peer: "rawWs", ...echo, open: { thread: false } },
      ],
      figures: [
        alone("pydist", "pydist through a root", "ms"),
        compared("pydist", "ws", "raw TLS-PSK ws echo", "ms", atMost(1.43)),
      ],
    },
    {
      id: "g",
      title: `${million.toLocaleString("en")} submits before any result is read: memory at the executor, and time`,
      note: "bytes a task, its future included; the target for the rate is 1 M in 10 s beside piscina's 25 k/s",
      rounds: fewRounds,
      entries: [
        { key: "pydist", peer: "pydist", ...memory, parameters: { tasks: million }, open: { threads } },
        { key: "root", peer: "pydist", ...memory, parameters: { tasks: million }, open: { threads, root: {} } },
        // A tenth: it takes long enough, and the bytes of a task do not depend on it.
        { key: "piscina", peer: "piscina", ...memory, parameters: { tasks: million / 10 }, open: { threads } },
        { key: "promises", peer: "promises", ...memory, parameters: { tasks: million } },
      ],
      figures: [
        { ...alone("pydist", "pydist, embedded: memory", "bytes"), targets: [atMost(500)] },
        { ...alone("root", "pydist through a root: memory", "bytes"), targets: [atMost(500)] },
        compared("pydist", "piscina", "piscina: memory", "bytes"),
        compared("pydist", "promises", "a promise and its resolve function: memory", "bytes"),
        alone("pydist", "pydist, embedded: rate", "rate"),
        compared("pydist", "piscina", "piscina: rate", "rate", atLeast(4)),
        compared("root", "piscina", "piscina: rate, beside pydist through a root", "rate", atLeast(4)),
      ],
    },
  ];
}
