import { brand, PydistError } from "./base.js";

/** What every error of pydist takes beside its message. */
type Options = { cause?: unknown };

/**
 * The task was cancelled: by `future.cancel()`, `future.abort()`, an `AbortSignal`, or a shutdown that cancels futures.
 * Nothing is wrong; catch it where cancelling is part of the plan. `cause` is the abort's reason, if one was given.
 */
export class CancelledError extends PydistError {
  static {
    brand(CancelledError.prototype, "PYDIST_E_CANCELLED", "CancelledError");
  }
}

/**
 * A time limit passed: that of `result(timeout)`, `wait`, `asCompleted` or `map`, which leave the task running, or the
 * task's own `timeout`, which stops the attempt. Give more time, or find out with `executor.explain(future)` what it
 * waits for.
 */
export class TimeoutError extends PydistError {
  static {
    brand(TimeoutError.prototype, "PYDIST_E_TIMEOUT", "TimeoutError");
  }
}

/** A future was settled twice or asked for what its state does not have. It is a mistake in the calling program. */
export class InvalidStateError extends PydistError {
  static {
    brand(InvalidStateError.prototype, "PYDIST_E_INVALID_STATE", "InvalidStateError");
  }
}

/**
 * What should have run the task cannot: an initializer failed, or a worker or node was lost. Base of the errors that
 * say which, as CPython's `BrokenExecutor` is. The executor itself stays usable unless its initializer failed.
 */
export class BrokenExecutorError extends PydistError {
  static {
    brand(BrokenExecutorError.prototype, "PYDIST_E_BROKEN_EXECUTOR", "BrokenExecutorError");
  }
}

/**
 * Each attempt of the task was lost with the node on which it was running. A task that takes its node down every time
 * is the usual reason: look at the causes and at those nodes' logs. `attempts` raises the number of tries.
 */
export class NodeLostError extends BrokenExecutorError {
  /** The lost nodes, one for each lost attempt, first to last. */
  readonly nodes: readonly string[];
  /** Why each was lost, in the order of `nodes`. */
  readonly causes: readonly string[];
  /** How many attempts there were. */
  readonly attempts: number;

  static {
    brand(NodeLostError.prototype, "PYDIST_E_NODE_LOST", "NodeLostError");
  }

  constructor(
    message: string,
    fields: Options & { nodes: readonly string[]; causes: readonly string[]; attempts: number },
  ) {
    super(message, fields);
    this.nodes = fields.nodes;
    this.causes = fields.causes;
    this.attempts = fields.attempts;
  }
}

/** The task ended its worker thread, for instance by `process.exit()`. Other tasks are not affected. Return or throw instead. */
export class WorkerExitError extends BrokenExecutorError {
  /** What the thread ended with. */
  readonly exitCode: number;

  static {
    brand(WorkerExitError.prototype, "PYDIST_E_WORKER_EXIT", "WorkerExitError");
  }

  constructor(message: string, fields: Options & { exitCode: number }) {
    super(message, fields);
    this.exitCode = fields.exitCode;
  }
}

/** The task used more heap than a worker thread may. Give it less at a time, or its node a larger heap. */
export class WorkerMemoryError extends BrokenExecutorError {
  static {
    brand(WorkerMemoryError.prototype, "PYDIST_E_WORKER_MEMORY", "WorkerMemoryError");
  }
}

/**
 * A future that was an argument of the call failed or was cancelled, so the call was never made. `cause` is what became
 * of that future: what it failed with, or a CancelledError.
 */
export class DependencyError extends PydistError {
  /** Where the future lies, as one would write it: `args[0].x`. */
  readonly path: string;

  static {
    brand(DependencyError.prototype, "PYDIST_E_DEPENDENCY", "DependencyError");
  }

  constructor(message: string, fields: Options & { path: string }) {
    super(message, fields);
    this.path = fields.path;
  }
}

/**
 * An argument, result or thrown value cannot travel (the message names it by its path and says what to send instead),
 * or bytes that arrived are not what an encoder wrote (then the path is empty and the peer is to blame).
 */
export class SerializationError extends PydistError {
  /** Where the value lies, as one would write it: `args[1].callback`. Empty for malformed bytes. */
  readonly path: string;

  static {
    brand(SerializationError.prototype, "PYDIST_E_SERIALIZATION", "SerializationError");
  }

  constructor(message: string, fields: Options & { path: string }) {
    super(message, fields);
    this.path = fields.path;
  }
}

/**
 * The function cannot run elsewhere: it uses variables of its surroundings that cannot follow it, or the file that a
 * `task()` reference names is missing or different on the node. The fields say what and where; `remedy` what to do.
 */
export class ShippingError extends PydistError {
  /** The file, or the value inside the function's surroundings, that does not travel. */
  declare readonly path?: string;
  /** Where in the source: `file:line:column`. */
  declare readonly location?: string;
  /** What to do about it, in a sentence. */
  declare readonly remedy?: string;

  static {
    brand(ShippingError.prototype, "PYDIST_E_SHIPPING", "ShippingError");
  }

  constructor(message: string, fields: Options & { path?: string; location?: string; remedy?: string } = {}) {
    super(message, fields);
    if (fields.path !== undefined) this.path = fields.path;
    if (fields.location !== undefined) this.location = fields.location;
    if (fields.remedy !== undefined) this.remedy = fields.remedy;
  }
}

/** The peer does not hold the same cluster secret, or belongs to another cluster. Give both ends the same secret file. */
export class AuthenticationError extends PydistError {
  static {
    brand(AuthenticationError.prototype, "PYDIST_E_AUTHENTICATION", "AuthenticationError");
  }
}

/** The peer speaks another version of the protocol. Install the same release of pydist at both ends. */
export class VersionMismatchError extends PydistError {
  /** The version at this end. */
  readonly ours: string;
  /** The version at the other end. */
  readonly theirs: string;

  static {
    brand(VersionMismatchError.prototype, "PYDIST_E_VERSION_MISMATCH", "VersionMismatchError");
  }

  constructor(message: string, fields: Options & { ours: string; theirs: string }) {
    super(message, fields);
    this.ours = fields.ours;
    this.theirs = fields.theirs;
  }
}

/** No link to the address could be made in time, or one was lost for good. `pydist-node doctor ADDRESS` tells why. */
export class ConnectionError extends PydistError {
  /** The address that was dialled, `host:port`. */
  declare readonly address?: string;

  static {
    brand(ConnectionError.prototype, "PYDIST_E_CONNECTION", "ConnectionError");
  }

  constructor(message: string, fields: Options & { address?: string } = {}) {
    super(message, fields);
    if (fields.address !== undefined) this.address = fields.address;
  }
}

/** `submit` after `shutdown`, or work that a shutdown left undone. Submit before shutting down, or to a new executor. */
export class ShutdownError extends PydistError {
  static {
    brand(ShutdownError.prototype, "PYDIST_E_SHUTDOWN", "ShutdownError");
  }
}

/** A task without hops left is at a node without slots. Raise `hopLimit`, or give the node workers. */
export class HopLimitError extends PydistError {
  static {
    brand(HopLimitError.prototype, "PYDIST_E_HOP_LIMIT", "HopLimitError");
  }
}

/** The node would become its own ancestor. Give it another parent. */
export class CycleError extends PydistError {
  /** The nodes on the way round; the first and the last are the same. */
  readonly cycle: readonly string[];

  static {
    brand(CycleError.prototype, "PYDIST_E_CYCLE", "CycleError");
  }

  constructor(message: string, fields: Options & { cycle: readonly string[] }) {
    super(message, fields);
    this.cycle = fields.cycle;
  }
}

/**
 * A map's checkpoint was made by another function or with other inputs, is in use, or cannot be read or written. Delete
 * it to begin anew, or choose another name. What is in it is not touched.
 */
export class CheckpointError extends PydistError {
  /** The folder. */
  readonly path: string;
  /** What differs from then, or why else it cannot be used. */
  readonly reason: "function" | "captured values" | "input" | "in use" | "unusable";
  /** Which input differs, from 0. */
  declare readonly input?: number;

  static {
    brand(CheckpointError.prototype, "PYDIST_E_CHECKPOINT", "CheckpointError");
  }

  constructor(message: string, fields: Options & { path: string; reason: CheckpointError["reason"]; input?: number }) {
    super(message, fields);
    this.path = fields.path;
    this.reason = fields.reason;
    if (fields.input !== undefined) this.input = fields.input;
  }
}

/** Nodes that should run a program were not started with `--allow-exec`. Start them so, or leave them out. */
export class ExecRefusedError extends PydistError {
  /** Names of the nodes. */
  readonly nodes: readonly string[];

  static {
    brand(ExecRefusedError.prototype, "PYDIST_E_EXEC_REFUSED", "ExecRefusedError");
  }

  constructor(message: string, fields: Options & { nodes: readonly string[] }) {
    super(message, fields);
    this.nodes = fields.nodes;
  }
}

/**
 * Ranks that have to run at once did not all get a slot at the same time, so none was begun, and their slots were given
 * back. Add nodes or workers, ask for fewer ranks, or give more time.
 */
export class GangError extends PydistError {
  /** How many ranks there were to be. */
  readonly wanted: number;
  /** The most that had a slot at the same time. */
  readonly got: number;
  /** How many slots the cluster has, whoever uses them. */
  readonly slots: number;

  static {
    brand(GangError.prototype, "PYDIST_E_GANG", "GangError");
  }

  constructor(message: string, fields: Options & { wanted: number; got: number; slots: number }) {
    super(message, fields);
    this.wanted = fields.wanted;
    this.got = fields.got;
    this.slots = fields.slots;
  }
}

/** A rank threw, or its node or thread was lost, and the others were stopped. `cause` is what befell it. */
export class RankError extends PydistError {
  readonly rank: number;

  static {
    brand(RankError.prototype, "PYDIST_E_RANK", "RankError");
  }

  constructor(message: string, fields: Options & { rank: number }) {
    super(message, fields);
    this.rank = fields.rank;
  }
}
