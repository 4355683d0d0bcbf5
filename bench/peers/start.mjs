import { fileURLToPath } from "node:url";
import { ask, startProcess } from "../nodes/processes.mjs";

/** piscina in a process that is just starting. */
export function open({ threads }) {
  const filename = fileURLToPath(new URL("./threads/work.mjs", import.meta.url));
  return {
    first: async () => {
      const child = startProcess(new URL("../nodes/late-pool.mjs", import.meta.url));
      try {
        return await ask(child, { threads, filename });
      } finally {
        child.disconnect();
      }
    },
  };
}
