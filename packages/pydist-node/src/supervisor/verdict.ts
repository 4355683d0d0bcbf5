import { constants } from "node:os";
import { EXIT } from "../cli/exit-codes.js";

/** How a node process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What the supervisor knows when a node process has ended. */
export interface Circumstances {
  /** Whether any process of this node was ever ready. */
  readonly everReady: boolean;
  /** Whether the node was asked to leave. */
  readonly leaving: boolean;
}

export type Verdict = { readonly is: "again"; readonly cause: string } | { readonly is: "over"; readonly code: number };

/** What the process itself has decided: it left in order, or waiting does not mend what is wrong. */
const DECIDED: ReadonlySet<number> = new Set(Object.values(EXIT).filter((code) => code !== EXIT.failure));

/** Whether a node process that ended is to be followed by another one. */
export function verdictOf({ code, signal }: Exit, { everReady, leaving }: Circumstances): Verdict {
  const asShellsTell = code ?? 128 + constants.signals[signal as NodeJS.Signals];
  if (leaving || DECIDED.has(asShellsTell) || !everReady) return { is: "over", code: asShellsTell };
  return { is: "again", cause: signal === null ? `exit code ${code}` : signal };
}
