import { median } from "../harness/statistics.mjs";

/** @param {number} count @returns {number[]} 0, 1, 2 ... */
export function numbers(count) {
  return Array.from({ length: count }, (_, i) => i);
}

/** @param {number} count @param {number} size of each slice but the last */
export function slices(count, size) {
  const all = numbers(count);
  return numbers(Math.ceil(count / size)).map((i) => all.slice(i * size, (i + 1) * size));
}

/**
 * Times a run, and looks whether it did its work: the results of a no-op are its arguments.
 * @param {number} calls @param {() => PromiseLike<readonly number[]>} run
 */
export async function timeRun(calls, run) {
  const before = performance.now();
  const results = await run();
  const ms = performance.now() - before;
  const sum = results.reduce((total, each) => total + each, 0);
  if (results.length !== calls || sum !== (calls * (calls - 1)) / 2) throw new Error("the results are wrong");
  return { ms, rate: (calls / ms) * 1000 };
}

/**
 * Round trips one after the other.
 * @param {number} trips @param {(i: number) => PromiseLike<number>} trip
 * @returns the median trip, in microseconds
 */
export async function timeTrips(trips, trip) {
  const times = [];
  for (let i = 0; i < trips; i++) {
    const before = performance.now();
    const result = await trip(i);
    times.push((performance.now() - before) * 1000);
    if (result !== i) throw new Error("the result is wrong");
  }
  return { us: median(times) };
}

function bytesInUse() {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * What a task costs its submitter from its submission until its result is read.
 * @param {number} tasks @param {(i: number) => PromiseLike<number>} submit
 */
export async function weighTasks(tasks, submit) {
  const before = bytesInUse();
  const started = performance.now();
  const promises = [];
  for (let i = 0; i < tasks; i++) promises.push(submit(i));
  const submitted = performance.now();
  const bytes = (bytesInUse() - before) / tasks;
  // The collection above is ours, not the work's.
  const weighing = performance.now() - submitted;
  const results = await Promise.all(promises);
  const ms = performance.now() - started - weighing;
  if (results.some((result, i) => result !== i)) throw new Error("the results are wrong");
  return { bytes, rate: (tasks / ms) * 1000, seconds: ms / 1000 };
}

/**
 * The operations of a pool that takes one call at a time.
 * @param {(x: number) => PromiseLike<number>} call
 */
export function oneByOne(call) {
  const all = (calls) => timeRun(calls, () => Promise.all(numbers(calls).map((x) => call(x))));
  return {
    map: ({ calls }) => all(calls),
    submit: ({ calls }) => all(calls),
    latency: ({ trips }) => timeTrips(trips, call),
    memory: ({ tasks }) => weighTasks(tasks, call),
  };
}
