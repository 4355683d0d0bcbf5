import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { numbers, slices, timeRun, timeTrips } from "./work.mjs";

/**
 * Threads and messages, nothing else: no queue, no promise for each call, no failure that would be noticed. What the
 * others' work costs at least.
 */
export function open({ threads }) {
  const workers = numbers(threads).map(() => new Worker(new URL("./threads/raw.mjs", import.meta.url)));

  /** The messages in turn to the threads; the answers, in the order of the messages. */
  const exchange = (messages) =>
    new Promise((resolve) => {
      const answers = new Array(messages.length);
      let open = messages.length;
      workers.forEach((worker, w) => {
        let next = w;
        worker.removeAllListeners("message");
        worker.on("message", (answer) => {
          answers[next] = answer;
          next += threads;
          if (--open === 0) resolve(answers);
        });
      });
      messages.forEach((message, i) => {
        workers[i % threads].postMessage(message);
      });
    });

  const single = ({ calls }) => timeRun(calls, () => exchange(numbers(calls)));
  return {
    map: single,
    submit: single,
    mapSlices: ({ calls, size }) => timeRun(calls, async () => (await exchange(slices(calls, size))).flat()),
    latency: ({ trips }) =>
      timeTrips(trips, async (i) => {
        workers[0].postMessage(i);
        return (await once(workers[0], "message"))[0];
      }),
    close: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}
