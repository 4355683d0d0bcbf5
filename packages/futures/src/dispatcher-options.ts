import type { UpNote } from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import type { Content } from "./contents.js";
import type { HeaderDefaults } from "./header.js";
import type { TaskSettled } from "./settled.js";
import type { Statistics } from "./statistics.js";

/** Hops of a batch whose submitter leaves them to the executor that owns it. */
export const UNTOLD_HOPS = Number.MAX_SAFE_INTEGER;

export interface DispatcherOptions extends Omit<HeaderDefaults, "depth"> {
  readonly statistics: Statistics;
  /** What travels in place of a function's code, if it is to be bound to more. */
  readonly bind?: (code: ShippedCode) => ShippedCode;
  /** A running task of this name logs something, or tells how far it is. */
  readonly onNote: (task: string, note: Extract<UpNote, { readonly kind: "log" | "progress" }>) => void;
  /** Undefined while nobody listens. */
  readonly onSettled: () => ((task: TaskSettled) => void) | undefined;
  /** What each worker runs before the first task of this executor, if anything. */
  readonly initializer?: Content | undefined;
  /** The initializer failed somewhere: no task of this executor can run any more. */
  readonly onBroken?: (error: unknown) => void;
}
