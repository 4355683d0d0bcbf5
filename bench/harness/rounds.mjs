import { Contender } from "./contender.mjs";
import { spread } from "./statistics.mjs";

/**
 * A contender of a row.
 * @typedef {object} Entry
 * @property {string} key
 * @property {string} peer a name of ../peers/index.mjs
 * @property {object} [open] options for the peer's `open`
 * @property {string} operation
 * @property {object} [parameters] for the operation
 * @property {"fill"} [calls] "fill": as many calls as fill a turn, found while warming up
 * @property {object} [warmUp] parameters for the runs before the first turn
 * @property {boolean} [fresh] a new process for every turn
 */

/**
 * Something that is printed: a value measured, its ratio to another's, or both.
 * @typedef {object} Figure
 * @property {string} label
 * @property {readonly string[]} needs keys of the contenders that it is made of
 * @property {string} unit
 * @property {(measured: any) => number} [of]
 * @property {(measured: any) => number} [ratio]
 * @property {readonly Target[]} [targets] for the ratio; for the value where there is none
 */

/** @typedef {{ from: "floor" | "target", atLeast?: number, atMost?: number }} Target */

/**
 * @typedef {object} Row
 * @property {string} id
 * @property {string} title
 * @property {string} [note]
 * @property {number} rounds
 * @property {readonly Entry[]} entries
 * @property {readonly Figure[]} figures
 */

/** Runs before the first turn, for contenders that are given how much to do. */
const WARM_UPS = 4;

/**
 * All contenders of a row take turns, round after round and in alternating order (A B C, C B A, ...). Ratios are made
 * within a round, so that what slows the machine for longer than a round slows both sides of each.
 *
 * @param {Row} row
 * @param {{ env: NodeJS.ProcessEnv, roundTime: number, maxCalls: number, progress: (text: string) => void }} how
 */
export async function measure(row, how) {
  const { env, progress } = how;
  /** @type {Map<string, string>} */
  const missing = new Map();
  /** @type {{ entry: Entry, contender: Contender | undefined, parameters: object }[]} */
  const field = [];
  try {
    for (const entry of row.entries) {
      progress(`${row.id}  ${entry.key}: warming up`);
      const { contender, missing: why = "" } = await Contender.open(entry.peer, entry.open ?? {}, env);
      if (contender === undefined) {
        missing.set(entry.key, why);
        continue;
      }
      /** @type {(typeof field)[number]} */
      const place = { entry, contender, parameters: entry.parameters ?? {} };
      field.push(place);
      if (entry.calls === "fill") place.parameters = { ...place.parameters, calls: await fill(contender, entry, how) };
      else for (let i = 0; entry.warmUp && i < WARM_UPS; i++) await contender.do(entry.operation, entry.warmUp);
      if (entry.fresh === true) {
        await contender.close();
        place.contender = undefined;
      }
    }
    /** @type {Record<string, any>[]} */
    const rounds = [];
    for (let round = 0; round < row.rounds; round++) {
      /** @type {Record<string, any>} */
      const measured = {};
      for (const { entry, contender, parameters } of round % 2 === 0 ? field : [...field].reverse()) {
        progress(`${row.id}  round ${round + 1} of ${row.rounds}: ${entry.key}`);
        const turn = contender ?? (await Contender.open(entry.peer, entry.open ?? {}, env)).contender;
        if (turn === undefined) throw new Error(`${entry.key} was there and is no more`);
        measured[entry.key] = await turn.do(entry.operation, parameters);
        if (contender === undefined) await turn.close();
      }
      rounds.push(measured);
    }
    return summarize(row, rounds, missing);
  } finally {
    for (const { contender } of field) await contender?.close();
  }
}

/** More runs than this do not warm a contender up any further. */
const MOST_FILLING = 15;

/**
 * Runs a contender until it becomes no faster any more, and says how many calls make a turn.
 * @param {Contender} contender @param {Entry} entry @param {{ roundTime: number, maxCalls: number }} how
 */
async function fill(contender, entry, { roundTime, maxCalls }) {
  let calls = Math.min(1000, maxCalls);
  let best = 0;
  for (let run = 0; run < MOST_FILLING; run++) {
    const { ms, rate } = await contender.do(entry.operation, { ...entry.parameters, calls });
    const isLong = ms >= roundTime / 2 || calls >= maxCalls;
    if (isLong && rate < best * 1.1) break;
    best = Math.max(best, rate);
    if (!isLong) calls = Math.min(maxCalls, calls * 4);
  }
  return Math.min(maxCalls, Math.ceil((best * roundTime) / 1000));
}

/** @param {Row} row @param {Record<string, any>[]} rounds @param {Map<string, string>} missing */
function summarize({ id, title, note, figures }, rounds, missing) {
  return {
    id,
    title,
    note,
    rounds: rounds.length,
    figures: figures.map(({ label, needs, unit, of, ratio, targets = [] }) => {
      const absent = needs.find((key) => missing.has(key));
      if (absent !== undefined) return { label, unit, missing: missing.get(absent) };
      const value = of && spread(rounds.map(of));
      const toPeer = ratio && spread(rounds.map(ratio));
      const judged = toPeer ?? value;
      return {
        label,
        unit,
        value,
        ratio: toPeer,
        targets: targets.map((target) => ({ ...target, met: judged !== undefined && meets(judged.median, target) })),
      };
    }),
    measured: rounds,
  };
}

/** @param {number} value @param {Target} target */
function meets(value, { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }) {
  return value >= atLeast && value <= atMost;
}
