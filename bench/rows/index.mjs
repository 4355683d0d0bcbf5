import { bulkRows } from "./bulk.mjs";
import { latencyRows } from "./latency.mjs";
import { messagingRows } from "./messaging.mjs";
import { throughputRows } from "./throughput.mjs";
import { treeRows } from "./tree.mjs";

/**
 * Every row of the comparison, for runs of this size.
 * @param {import("../harness/options.mjs").Sizes} sizes
 * @param {number} threads worker threads of every contender
 * @returns {import("../harness/rounds.mjs").Row[]}
 */
export function rowsFor(sizes, threads) {
  const rows = [
    ...throughputRows(sizes, threads),
    ...latencyRows(sizes, threads),
    ...treeRows(sizes),
    ...bulkRows(sizes, threads),
    ...messagingRows(sizes),
  ];
  return rows.sort((a, b) => a.id.localeCompare(b.id));
}
