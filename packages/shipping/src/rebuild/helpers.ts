import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { FunctionText, Helper } from "../code.js";
import { currentContext } from "../context.js";
import { importOnNode } from "../import-on-node.js";
import { task } from "../task.js";
import { isWorkerOfPydist } from "../worker-mark.js";

// One for all functions of a thread: none can leave anything in it for the next. Elsewhere it is the program's own.
if (isWorkerOfPydist()) Object.freeze(task);
const pydist = Object.freeze({ task });

/** What the receiver supplies under a name that a text uses. */
export function helperOf(helper: Helper, text: FunctionText | undefined): unknown {
  switch (helper) {
    case "import":
      return (specifier: unknown, options?: unknown) => importOnNode(specifier, options, text);
    case "meta":
      return metaOf(text?.url ?? "");
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

/** `import.meta` as it was at home. */
function metaOf(url: string): object {
  const filename = url === "" ? undefined : fileURLToPath(url);
  return Object.assign(Object.create(null) as object, {
    ...(filename === undefined ? {} : { dirname: dirname(filename), filename }),
    resolve: (specifier: string) => new URL(specifier, url).href,
    url,
  });
}

/** Where something of the submitter's file system is here. */
export function placeOf(place: string): string {
  return place;
}
