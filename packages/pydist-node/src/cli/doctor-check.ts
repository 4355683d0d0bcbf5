import { EXIT } from "./exit-codes.js";

/** One line of what the doctor says. */
export interface Check {
  readonly name: string;
  readonly status: "ok" | "warn" | "fail";
  /** What is so; and unless it is well, what to do. */
  readonly message: string;
  /** What the command ends with if this is the first that failed. */
  readonly exitCode: number;
}

export function ok(name: string, message: string): Check {
  return { name, status: "ok", message, exitCode: EXIT.ok };
}

export function warn(name: string, message: string): Check {
  return { name, status: "warn", message, exitCode: EXIT.ok };
}

export function fail(name: string, message: string, exitCode: number): Check {
  return { name, status: "fail", message, exitCode };
}
