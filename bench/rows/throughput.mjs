import { alone, atLeast, compared, floor } from "./figures.mjs";

/** Calls that a careful user gives each message by hand. */
const SLICE = 256;

/** @param {import("../harness/options.mjs").Sizes} sizes @param {number} threads */
export function throughputRows({ rounds, submits }, threads) {
  const open = { threads };
  const throughRoot = { threads, root: {} };
  const map = { operation: "map", calls: /** @type {const} */ ("fill"), open };
  const slices = { ...map, operation: "mapSlices", parameters: { size: SLICE } };
  const submit = { operation: "submit", parameters: { calls: submits }, warmUp: { calls: submits / 4 }, open };
  const pools = ["piscina", "tinypool", "workerpool"];
  return [
    {
      id: "a",
      title: "map of a no-op over numbers, default options, embedded",
      note: "floor: 40 x piscina. Targets are 2 M/s beside piscina's 25 k/s, ProcessPoolExecutor's best, half of raw threads",
      rounds,
      entries: [
        { key: "pydist", peer: "pydist", ...map },
        ...pools.map((peer) => ({ key: peer, peer, ...map })),
        { key: "raw", peer: "rawThreads", ...map },
        { key: "piscina256", peer: "piscina", ...slices },
        { key: "raw256", peer: "rawThreads", ...slices },
        { key: "python1", peer: "python", ...map, parameters: { size: 1 } },
        { key: "python256", peer: "python", ...map, parameters: { size: SLICE } },
      ],
      figures: [
        alone("pydist", "pydist", "rate"),
        compared("pydist", "piscina", "piscina, one by one", "rate", floor(40), atLeast(80)),
        compared("pydist", "tinypool", "tinypool, one by one", "rate"),
        compared("pydist", "workerpool", "workerpool, one by one", "rate"),
        compared("pydist", "raw", "raw threads, a message each", "rate"),
        compared("pydist", "python1", "Python ProcessPoolExecutor, chunksize 1", "rate"),
        compared("pydist", "python256", "Python ProcessPoolExecutor, chunksize 256", "rate", atLeast(1)),
        compared("pydist", "piscina256", "piscina, sliced by hand into 256", "rate"),
        compared("pydist", "raw256", "raw threads, arrays of 256", "rate", atLeast(0.5)),
      ],
    },
    {
      id: "b",
      title: `submit x ${submits.toLocaleString("en")}, all in flight, embedded`,
      note: "floor: 6 x piscina. Raw threads have neither a promise for each call nor anything to tell a failure by",
      rounds,
      entries: [
        { key: "pydist", peer: "pydist", ...submit },
        ...pools.map((peer) => ({ key: peer, peer, ...submit })),
        { key: "raw", peer: "rawThreads", ...submit },
      ],
      figures: [
        alone("pydist", "pydist", "rate"),
        compared("pydist", "piscina", "piscina", "rate", floor(6), atLeast(10)),
        compared("pydist", "tinypool", "tinypool", "rate"),
        compared("pydist", "workerpool", "workerpool", "rate"),
        compared("pydist", "raw", "raw threads, a message each", "rate"),
      ],
    },
    {
      id: "c1",
      title: "the same map through a root in another process, over TLS",
      note: "targets are 1 M/s where embedded reaches 2 M/s and piscina 25 k/s",
      rounds,
      entries: [
        { key: "root", peer: "pydist", ...map, open: throughRoot },
        { key: "embedded", peer: "pydist", ...map },
        { key: "piscina", peer: "piscina", ...map },
      ],
      figures: [
        alone("root", "pydist through a root", "rate"),
        compared("root", "embedded", "pydist, embedded", "rate", atLeast(0.5)),
        compared("root", "piscina", "piscina (in one process)", "rate", atLeast(40)),
      ],
    },
    {
      id: "c2",
      title: "the same submits through a root in another process, over TLS",
      note: "targets are 100 k/s where embedded reaches 250 k/s and piscina 25 k/s",
      rounds,
      entries: [
        { key: "root", peer: "pydist", ...submit, open: throughRoot },
        { key: "embedded", peer: "pydist", ...submit },
        { key: "piscina", peer: "piscina", ...submit },
      ],
      figures: [
        alone("root", "pydist through a root", "rate"),
        compared("root", "embedded", "pydist, embedded", "rate", atLeast(0.4)),
        compared("root", "piscina", "piscina (in one process)", "rate", atLeast(4)),
      ],
    },
  ];
}
