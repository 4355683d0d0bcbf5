import { fileURLToPath } from "node:url";
import workerpool from "workerpool";
import { oneByOne } from "./work.mjs";

export function open({ threads }) {
  const pool = workerpool.pool(fileURLToPath(new URL("./threads/workerpool.mjs", import.meta.url)), {
    minWorkers: threads,
    maxWorkers: threads,
    workerType: "thread",
  });
  return { ...oneByOne((x) => pool.exec("noop", [x])), close: () => pool.terminate(true) };
}
