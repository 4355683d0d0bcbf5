import { setTimeout as sleep } from "node:timers/promises";
import { numbers } from "./work.mjs";

/** The same sleeps in one thread, which hands nothing to anybody: what the timers themselves make of the ideal. */
export function open() {
  return {
    sleeps: async ({ count, ms, slots }) => {
      const before = performance.now();
      let left = count;
      await Promise.all(
        numbers(slots).map(async () => {
          while (left-- > 0) await sleep(ms);
        }),
      );
      return { ms: performance.now() - before };
    },
  };
}
