import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import { currentContext, SUPPLIED, type TaskContext } from "./context.js";

/** Any function, as a type: what `submit` and `map` accept. */
export type TaskFunction = (...args: never[]) => unknown;

// Registered, not unique: a reference made by another copy of this package is one all the same.
const target: unique symbol = Symbol.for("pydist.task");

/** What a reference refers to. */
export interface TaskTarget {
  /** `file:` URL of the module, without query and fragment. */
  readonly url: string;
  readonly export: string;
}

/** A reference to an exported function, usable wherever the function itself is submitted. */
export type TaskReference<F extends TaskFunction = TaskFunction> = F & { readonly [target]: TaskTarget };

/** What {@link task} is; `E` is the executor that a running task is given. */
export interface Task<E = unknown> {
  /**
   * Refers to an exported function of a module instead of shipping its text: `task<typeof f>(import.meta.url, "f")`.
   * The node imports the same file, by the same path, so the function may use whatever its module has. Each submit notes
   * the SHA-256 of that file, and a node with another version of it refuses the task; files that it imports are not
   * compared.
   *
   * The reference is for submitting: to call the function here, import it.
   *
   * @param module `import.meta.url`, another `file:` URL, or in CommonJS `__filename`.
   * @param exportName The exported name; `default` for the default export.
   * @throws TypeError when the module is no file or the name is empty.
   */
  // biome-ignore lint/suspicious/noExplicitAny: a reference without a type fits wherever a function does
  <F extends TaskFunction = (...args: any[]) => any>(module: string | URL, exportName: string): TaskReference<F>;

  /**
   * What the running task may know and do: its signal, attempt, node, hops, log, progress and executor.
   * @throws InvalidStateError outside of a task.
   */
  context(): TaskContext<E>;
}

/** Refers to an exported function of a module, or inside a task tells about it: see {@link Task}. */
export const task: Task = Object.assign(
  function task<F extends TaskFunction>(module: string | URL, exportName: string): TaskReference<F> {
    if (typeof exportName !== "string" || exportName === "") {
      throw new TypeError(`task: the name of the export must be a non-empty string, not ${describe(exportName)}.`);
    }
    const url = fileUrl(module);
    const reference = () => {
      const remedy = "Import the function to call it here; submit the reference to run it on a node.";
      throw new ShippingError(
        `task("${url}", "${exportName}") was called, but a reference is only for submitting. ${remedy}`,
        { path: url, remedy },
      );
    };
    Object.defineProperty(reference, "name", { value: exportName });
    Object.defineProperty(reference, target, { value: { url, export: exportName } satisfies TaskTarget });
    // Typed as the function it stands for, so that submit and map know arguments and result.
    return reference as unknown as TaskReference<F>;
  },
  { context: currentContext },
);

Object.defineProperty(task, SUPPLIED, { value: "task" });

/** The name of what every node supplies itself: `task` and `task.context`, of whichever copy of this package. */
export function suppliedName(fn: object): "task" | "context" | undefined {
  const name: unknown = Object.getOwnPropertyDescriptor(fn, SUPPLIED)?.value;
  return name === "task" || name === "context" ? name : undefined;
}

/** Whether a value was made by {@link task}. */
export function isTaskReference(value: unknown): value is TaskReference {
  return taskTarget(value) !== undefined;
}

/** What a reference refers to; undefined for any other value. */
export function taskTarget(value: unknown): TaskTarget | undefined {
  if (typeof value !== "function" || !Object.hasOwn(value, target)) return undefined;
  return (value as TaskReference)[target];
}

/**
 * The file that a module is, as a URL.
 * @param what the user's call, for the message
 */
export function fileUrl(module: unknown, what = "task"): string {
  const text = module instanceof URL ? module.href : module;
  const wrong = new TypeError(
    `${what}: the module must be a file: URL such as import.meta.url, or an absolute path, not ${describe(text)}.`,
  );
  if (typeof text !== "string") throw wrong;
  const url = isAbsolute(text) ? pathToFileURL(text) : URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "file:") throw wrong;
  // Loaders put their own marks there; what is meant is the file.
  url.search = "";
  url.hash = "";
  return url.href;
}

function describe(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
