import { LEAVING_SIGNALS } from "../supervisor/supervised.js";
import { complain } from "./output.js";

/** Milliseconds between two looks at whose child this process is. */
const LOOK = 500;

/** Whether npx itself started this process. Programs that this one starts are not its children. */
export function isOfNpx(): boolean {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = "" } = process.env;
  delete process.env.npm_lifecycle_event;
  // Windows has neither SIGTERM nor orphans.
  return event === "npx" && /^'?pydist-node'?$/.test(script) && process.platform !== "win32";
}

/**
 * npx runs a shell, and that runs this process. npx hands SIGTERM on to the shell; one that stays beside what it runs, as
 * dash does, dies of it without a word to anybody, and a node that nobody knows of would stay. Whoever is to outlive
 * a terminal is safe: with setsid the shell lives on, too.
 * To be called by whoever listens for signals already.
 */
export function leaveWithNpx(): void {
  const { ppid } = process;
  let told = false;
  for (const signal of LEAVING_SIGNALS) {
    process.once(signal, () => {
      told = true;
    });
  }
  const watch = setInterval(() => {
    if (process.ppid === ppid) return;
    clearInterval(watch);
    // A signal to all of them, as of Ctrl-C, is heard before that; another one would stop the node at once.
    setImmediate(() => {
      if (told) return;
      complain("npx, which started this node, is gone: it leaves the tree, as after SIGTERM.");
      process.kill(process.pid, "SIGTERM");
    });
  }, LOOK).unref();
}
