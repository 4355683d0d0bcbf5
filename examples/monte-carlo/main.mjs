// Estimates pi by throwing darts. Each portion has a seed of its own, so that the answer is the same wherever it runs.
import { parseArgs } from "node:util";
import { ClusterExecutor } from "pydist";
import { verdict, wholeNumber } from "../options.mjs";

const { values } = parseArgs({
  options: {
    portions: { type: "string", default: "64" },
    darts: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    check: { type: "boolean", default: false },
  },
});
const portions = wholeNumber("portions", values.portions);
const darts = wholeNumber("darts", values.darts);
const seed = wholeNumber("seed", values.seed);

/** How many of the darts hit the circle. */
function hits(seed, darts) {
  // The generator mulberry32; seeds that are neighbours give unrelated sequences.
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  let inside = 0;
  for (let i = 0; i < darts; i++) if (random() ** 2 + random() ** 2 < 1) inside++;
  return inside;
}

const seeds = Array.from({ length: portions }, (_, i) => Math.imul(seed, 0x9e3779b1) ^ (i * 0x85ebca6b));
const executor = new ClusterExecutor();
try {
  let inside = 0;
  let done = 0;
  for await (const hit of executor.map((each) => hits(each, darts), seeds, { ordered: false, progress: true })) {
    inside += hit;
    done++;
  }
  const share = inside / (done * darts);
  const error = (4 * Math.sqrt((share * (1 - share)) / (done * darts))).toPrecision(2);
  console.log(`pi is about ${4 * share}, give or take ${error}, after ${done * darts} darts`);
  if (values.check) verdict(inside === seeds.reduce((sum, each) => sum + hits(each, darts), 0));
} finally {
  await executor.shutdown({ cancelFutures: true });
}
