import { alone, atMost, compared } from "./figures.mjs";

/** @param {import("../harness/options.mjs").Sizes} sizes @param {number} threads */
export function latencyRows({ rounds, trips, fewRounds }, threads) {
  const trip = { operation: "latency", parameters: { trips }, warmUp: { trips } };
  const ofTheLink = ({ root, pydist, ws }) => (root.us - pydist.us) / ws.us;
  return [
    {
      id: "d",
      title: "one submit and its result, nothing else running (less is better)",
      note: "medians of single round trips. What a link adds is what a root takes more than embedded, beside a bare ws echo",
      rounds,
      entries: [
        { key: "pydist", peer: "pydist", ...trip, open: { threads } },
        { key: "piscina", peer: "piscina", ...trip, open: { threads } },
        { key: "raw", peer: "rawThreads", ...trip, open: { threads } },
        { key: "root", peer: "pydist", ...trip, open: { threads, root: {} } },
        { key: "wsThread", peer: "rawWs", ...trip, open: { thread: true } },
        { key: "ws", peer: "rawWs", ...trip, open: { thread: false } },
      ],
      figures: [
        alone("pydist", "pydist, embedded", "us"),
        compared("pydist", "piscina", "piscina", "us", atMost(1.3)),
        compared("pydist", "raw", "raw thread", "us"),
        alone("root", "pydist through a root", "us"),
        compared("root", "wsThread", "raw TLS-PSK ws and a raw thread behind it", "us"),
        {
          label: "what a link adds / raw TLS-PSK ws echo",
          needs: ["root", "pydist", "ws"],
          unit: "us",
          of: ({ ws }) => ws.us,
          ratio: ofTheLink,
          targets: [atMost(1.5)],
        },
      ],
    },
    {
      id: "h",
      title: "join: from Node's own start to the first task on a new node (less is better)",
      note: "the target is milliseconds, so it says as much of the machine as of the project",
      rounds: fewRounds,
      entries: [
        { key: "pydist", peer: "pydist", operation: "first", parameters: { threads }, open: { root: { workers: 0 } } },
        { key: "piscina", peer: "start", operation: "first", open: { threads } },
      ],
      figures: [
        { ...alone("pydist", "pydist: a node that joins a root", "ms"), targets: [atMost(300)] },
        compared("pydist", "piscina", "piscina: a pool in one process", "ms"),
      ],
    },
  ];
}
