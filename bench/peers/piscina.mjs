import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import { oneByOne, slices, timeRun } from "./work.mjs";

export function open({ threads }) {
  const pool = new Piscina({
    filename: fileURLToPath(new URL("./threads/work.mjs", import.meta.url)),
    name: "noop",
    minThreads: threads,
    maxThreads: threads,
  });
  return {
    ...oneByOne((x) => pool.run(x)),
    /** What a careful user does by hand. */
    mapSlices: ({ calls, size }) =>
      timeRun(calls, async () => {
        const runs = slices(calls, size).map((slice) => pool.run(slice, { name: "noopAll" }));
        return (await Promise.all(runs)).flat();
      }),
    close: () => pool.destroy(),
  };
}
