import type { FunctionText, Helper } from "../code.js";
import { currentContext } from "../context.js";
import { task } from "../task.js";
import { isWorkerOfPydist } from "../worker-mark.js";
import type { Home } from "./home.js";

// One for all functions of a thread: none can leave anything in it for the next. Elsewhere it is the program's own.
if (isWorkerOfPydist()) Object.freeze(task);
const pydist = Object.freeze({ task });

/** What the receiver supplies under a name that a text uses. */
export function helperOf(helper: Helper, text: FunctionText | undefined, home: Home): unknown {
  switch (helper) {
    case "import":
      return (specifier: unknown, options?: unknown) => home.import(specifier, options, text);
    case "meta":
      return home.metaOf(text);
    case "createRequire":
      return (from: string | URL) => home.createRequire(from);
    case "name":
      return keepName;
    case "task":
      return task;
    case "context":
      return currentContext;
    case "pydist":
      return pydist;
  }
}

function keepName(fn: object, name: string): object {
  return Object.defineProperty(fn, "name", { value: name, configurable: true });
}
