// A bare worker thread: the function over a number or over an array of numbers, one answer for each message.
import { parentPort } from "node:worker_threads";

const noop = (x) => x;
parentPort?.on("message", (message) => {
  parentPort?.postMessage(Array.isArray(message) ? message.map(noop) : noop(message));
});
