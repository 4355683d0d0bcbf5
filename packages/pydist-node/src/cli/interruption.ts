import { LEAVING_SIGNALS, type LeavingSignal } from "../supervisor/supervised.js";
import { EXIT_BY_SIGNAL } from "./exit-codes.js";
import { complain } from "./output.js";

/** Ctrl-C and its like for a command: the first one aborts what is under way, another one ends the process at once. */
export class Interruption {
  readonly #what: string;
  readonly #begun = new AbortController();
  /** What the command ends with; undefined as long as nothing interrupted it. */
  exitCode: number | undefined;

  /** Listens from now on, until `over`. @param what said when the first one comes, as in `ending the programs` */
  constructor(what: string) {
    this.#what = what;
    for (const signal of LEAVING_SIGNALS) process.on(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  over(): void {
    for (const signal of LEAVING_SIGNALS) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: LeavingSignal): void => {
    if (this.exitCode !== undefined) process.exit(EXIT_BY_SIGNAL[signal]);
    this.exitCode = EXIT_BY_SIGNAL[signal];
    complain(`${signal}: ${this.#what}.`);
    this.#begun.abort(new Error(`${signal} came.`));
  };
}
