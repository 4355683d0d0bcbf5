import { alone, atLeast, atMost, compared } from "./figures.mjs";

const SLOTS = 2;
const NAP = 10;
/** Nodes share a few processes, or starting twenty of them would be most of what two cores have to do. */
const PROCESSES = 4;

/** @param {import("../harness/options.mjs").Sizes} sizes */
export function treeRows({ rounds, nodes, sleeps }) {
  const slots = nodes * SLOTS;
  const ideal = (sleeps * NAP) / slots;
  const work = { operation: "sleeps", parameters: { count: sleeps, ms: NAP, slots } };
  const tree = { nodes, processes: PROCESSES, slots: SLOTS };
  return [
    {
      id: "e",
      title: `${sleeps.toLocaleString("en")} sleeps of ${NAP} ms on a tree of ${nodes} nodes with ${SLOTS} slots`,
      note: `${nodes} nodes of one worker with ${SLOTS} slots, each with up to 4 children, in ${PROCESSES} processes; ideal: ${ideal} ms`,
      rounds,
      entries: [
        { key: "pydist", peer: "pydist", ...work, warmUp: work.parameters, open: { tree } },
        { key: "timers", peer: "timers", ...work, warmUp: work.parameters },
      ],
      figures: [
        alone("pydist", "pydist: all sleeps", "ms"),
        {
          label: "pydist: ideal / achieved",
          needs: ["pydist"],
          unit: "%",
          of: ({ pydist }) => (100 * ideal) / pydist.ms,
          targets: [atLeast(90)],
        },
        {
          label: "pydist: until all slots were busy",
          needs: ["pydist"],
          unit: "ms",
          of: ({ pydist }) => pydist.busyAfter,
          targets: [atMost(100)],
        },
        compared("pydist", "timers", "the same sleeps in one thread, no tree (less is better)", "ms"),
      ],
    },
  ];
}
