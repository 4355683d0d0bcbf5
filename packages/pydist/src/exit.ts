let state: "running" | "exiting" = "running";

// Before any listener of the program's: one that submits is told that nothing will come of it.
process.prependListener("exit", () => {
  state = "exiting";
});

/** Whether the process has begun to exit: no event loop will turn any more. */
export function isExiting(): boolean {
  return state === "exiting";
}
