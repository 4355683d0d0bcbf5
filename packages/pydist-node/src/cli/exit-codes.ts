import {
  AuthenticationError,
  ConnectionError,
  CycleError,
  PydistError,
  ShutdownError,
  VersionMismatchError,
} from "@pydist/protocol";

/** Exit codes of `pydist-node`. A supervisor starts nothing again after 2 to 5: waiting does not mend them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  /** Wrong flags, variables or configuration file. */
  usage: 2,
  /** Nobody of ours answers at the address. */
  unreachable: 3,
  /** No secret, another secret, or another cluster. */
  authentication: 4,
  /** The two speak no common version of the link protocol. */
  version: 5,
  /** 128 + 2, as shells do it. */
  interrupted: 130,
  /** 128 + 15. */
  terminated: 143,
} as const;

/** What a process ends with that one of these has ended. */
export const EXIT_BY_SIGNAL = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** The command line, the environment or the configuration file is wrong; the message says where and what would do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What is wrong with an argument is wrong with the command line. @throws UsageError in place of a TypeError */
export function forUsers<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** What the command ends with when this error ended it. (A port of its own that cannot be listened at is spawn's matter.) */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof AuthenticationError) return EXIT.authentication;
  if (error instanceof VersionMismatchError) return EXIT.version;
  if (error instanceof CycleError) return EXIT.failure;
  if (error instanceof ShutdownError) return EXIT.unreachable;
  if (error instanceof ConnectionError) return EXIT.unreachable;
  return EXIT.failure;
}

/** Whether the error is one that pydist words for people, so that its message is all there is to show. */
export function isForUsers(error: unknown): error is Error {
  return error instanceof UsageError || error instanceof PydistError;
}
