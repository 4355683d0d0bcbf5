/** Work that waits for the work that brought it about to be over. */
let jobs: (() => void)[] = [];
let state: "idle" | "working" = "idle";

/**
 * Does a job now or, if it is brought about by another one of these, behind that: whatever follows from whatever, the stack
 * stays flat. All of it is done when the outermost call returns.
 */
export function inTurn(job: () => void): void {
  jobs.push(job);
  if (state === "idle") work();
}

function work(): void {
  let done = 0;
  state = "working";
  try {
    // The list grows while it is walked.
    for (const job of jobs) {
      done++;
      job();
    }
  } finally {
    state = "idle";
    jobs = jobs.slice(done);
    // One has thrown: the others are no part of that.
    if (jobs.length > 0) queueMicrotask(work);
  }
}
