import { parseArgs } from "node:util";

/**
 * How much is measured.
 * @typedef {object} Sizes
 * @property {number} rounds how often every contender of a row takes its turn
 * @property {number} roundTime milliseconds that a turn is made to last where the number of calls is free
 * @property {number} maxCalls most calls of such a turn
 * @property {number} submits tasks in flight at once
 * @property {number} trips single round trips in a turn
 * @property {number} nodes of the tree
 * @property {number} sleeps
 * @property {number} mebibytes of the large array
 * @property {number} million tasks submitted before any result is read
 * @property {number} fewRounds rounds of the rows in which every turn needs new processes
 */

/** @type {Record<"full" | "quick" | "tiny", Sizes>} */
const SIZES = {
  full: {
    rounds: 7,
    roundTime: 800,
    maxCalls: 2_000_000,
    submits: 100_000,
    trips: 2000,
    nodes: 20,
    sleeps: 1000,
    mebibytes: 64,
    million: 1_000_000,
    fewRounds: 3,
  },
  quick: {
    rounds: 3,
    roundTime: 250,
    maxCalls: 1_000_000,
    submits: 20_000,
    trips: 500,
    nodes: 20,
    sleeps: 1000,
    mebibytes: 64,
    million: 200_000,
    fewRounds: 1,
  },
  // Only to see that everything works; its figures say nothing.
  tiny: {
    rounds: 2,
    roundTime: 5,
    maxCalls: 2000,
    submits: 500,
    trips: 20,
    nodes: 4,
    sleeps: 40,
    mebibytes: 2,
    million: 5000,
    fewRounds: 1,
  },
};

export const USAGE = `npm run bench -- [options]
  --quick         a minute or two instead of ten: shorter turns, fewer rounds
  --tiny          seconds: does everything work? The figures say nothing.
  --only a,b      only these rows
  --rounds N      turns of each contender
  --threads N     worker threads of every contender (default 2)
  --json FILE     where the figures go as JSON (default bench/results/latest.json)
  --list          the rows and their contenders`;

/** @param {string[]} args @throws TypeError for an option that is wrong */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean" },
      tiny: { type: "boolean" },
      only: { type: "string" },
      rounds: { type: "string" },
      threads: { type: "string" },
      json: { type: "string" },
      list: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const size = values.tiny ? "tiny" : values.quick ? "quick" : "full";
  const rounds = values.rounds === undefined ? undefined : positive("rounds", values.rounds);
  return {
    size,
    sizes: { ...SIZES[size], ...(rounds === undefined ? {} : { rounds, fewRounds: rounds }) },
    threads: values.threads === undefined ? 2 : positive("threads", values.threads),
    only: values.only?.split(",").map((id) => id.trim()),
    json: values.json,
    list: values.list ?? false,
    help: values.help ?? false,
  };
}

/** @param {string} name @param {string} text */
function positive(name, text) {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new TypeError(`--${name} takes a whole number of at least 1, not "${text}"`);
}
