/** @typedef {import("../harness/rounds.mjs").Figure} Figure */
/** @typedef {import("../harness/rounds.mjs").Target} Target */

/**
 * What a contender reached by itself.
 * @param {string} key @param {string} label @param {"rate" | "ms" | "us" | "bytes"} what
 * @returns {Figure}
 */
export function alone(key, label, what) {
  return { label, needs: [key], unit: UNITS[what], of: (measured) => measured[key][what] };
}

/**
 * What a contender reached, and how another one compares to it.
 * @param {string} subject @param {string} key @param {string} label @param {"rate" | "ms" | "us" | "bytes"} what
 * @param {...Target} targets
 * @returns {Figure}
 */
export function compared(subject, key, label, what, ...targets) {
  return {
    ...alone(key, label, what),
    needs: [subject, key],
    ratio: (measured) => measured[subject][what] / measured[key][what],
    targets,
  };
}

const UNITS = { rate: "/s", ms: "ms", us: "us", bytes: "bytes" };

/** Below this the design's first version has failed. @param {number} atLeast @returns {Target} */
export function floor(atLeast) {
  return { from: "floor", atLeast };
}

/** @param {number} value @returns {Target} */
export function atLeast(value) {
  return { from: "target", atLeast: value };
}

/** @param {number} value @returns {Target} */
export function atMost(value) {
  return { from: "target", atMost: value };
}
