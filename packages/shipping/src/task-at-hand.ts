import { CONTEXT_WANTED } from "./context.js";
import { task as made, type Task } from "./task.js";
import { isWorkerOfPydist } from "./worker-mark.js";

// A thread of pydist loads what a context needs only when somebody can ask for one: a module that has `task` can. What
// runs functions has it, too, but gives it only to functions whose code says that they ask.
if (isWorkerOfPydist()) Object.defineProperty(globalThis, CONTEXT_WANTED, { value: true });

/** Refers to an exported function of a module, or inside a task tells about it: see {@link Task}. */
export const task: Task = made;
