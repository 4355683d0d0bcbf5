import type { Executor } from "@pydist/futures";
import { type Task as SharedTask, type TaskContext as SharedTaskContext, task as sharedTask } from "@pydist/shipping";

/** What `task.context()` gives to a running task. */
export type TaskContext = SharedTaskContext<Executor>;

/** `task(import.meta.url, "name")` refers to an exported function; `task.context()` is what a running task may know. */
// The same function: what an executor is, only the rooms above shipping know.
export const task = sharedTask as SharedTask<Executor>;
