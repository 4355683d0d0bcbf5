import { weighTasks } from "./work.mjs";

/** A promise for each task and the function that settles it, and nothing that runs: what no such interface goes below. */
export function open() {
  return {
    memory: ({ tasks }) => {
      const waiting = [];
      setImmediate(() => {
        for (let i = 0; i < waiting.length; i++) waiting[i](i);
      });
      return weighTasks(tasks, () => new Promise((resolve) => waiting.push(resolve)));
    },
  };
}
