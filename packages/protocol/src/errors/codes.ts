/**
 * Every code that an error of pydist can carry, and what it means. The only place where codes are made: a code, once
 * published, keeps its meaning, so programs may compare `error.code` instead of classes.
 */
export const ERROR_CODES = {
  PYDIST_E_ERROR: "An error of pydist that has no class of its own.",
  PYDIST_E_CANCELLED: "The task was cancelled before it gave a result.",
  PYDIST_E_TIMEOUT: "A time limit passed: of waiting for a result, or of the task itself.",
  PYDIST_E_INVALID_STATE: "The future or executor is in a state that does not allow the call.",
  PYDIST_E_BROKEN_EXECUTOR: "What should have run the task cannot run tasks any more.",
  PYDIST_E_NODE_LOST: "The nodes on which the task was running were lost, as often as its attempts allow.",
  PYDIST_E_WORKER_EXIT: "The worker thread ended while the task was running on it.",
  PYDIST_E_WORKER_MEMORY: "The worker thread reached its memory limit while the task was running on it.",
  PYDIST_E_DEPENDENCY: "A future that was an argument of the task failed or was cancelled.",
  PYDIST_E_SERIALIZATION: "A value cannot travel, or the bytes that arrived are not a value.",
  PYDIST_E_SHIPPING: "A function cannot be brought to where it should run.",
  PYDIST_E_AUTHENTICATION: "The two ends of a link do not hold the same secret.",
  PYDIST_E_VERSION_MISMATCH: "The two ends of a link speak different versions of the protocol.",
  PYDIST_E_CONNECTION: "A link could not be made, or was lost for good.",
  PYDIST_E_SHUTDOWN: "The executor or node is shutting down and takes no more tasks.",
  PYDIST_E_HOP_LIMIT: "The task may travel no further and cannot run where it is.",
  PYDIST_E_CYCLE: "Joining this parent would make the tree a cycle.",
  PYDIST_E_EXEC_REFUSED: "A node that should run a program was not started to run any.",
  PYDIST_E_CHECKPOINT: "The checkpoint of a map belongs to something else, is in use, or cannot be used.",
  PYDIST_E_GANG: "Ranks that have to run at once did not get their slots at the same time.",
  PYDIST_E_RANK: "One of the ranks that run at once failed, so the others were stopped.",
} as const;

/** One of the codes in `ERROR_CODES`. */
export type ErrorCode = keyof typeof ERROR_CODES;
