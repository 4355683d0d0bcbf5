import { complain, EXIT } from "pydist-node/cli";

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** Ctrl-C and its like: the first one ends what is under way and undoes what was done; another one only this process. */
export class Interruption {
  readonly #begun = new AbortController();
  exitCode: number | undefined;

  constructor() {
    for (const signal of Object.keys(SIGNALS)) process.on(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  over(): void {
    for (const signal of Object.keys(SIGNALS)) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: keyof typeof SIGNALS): void => {
    if (this.exitCode !== undefined) process.exit(SIGNALS[signal]);
    this.exitCode = SIGNALS[signal];
    complain(`${signal}: stopping what was started; another one leaves it as it is.`);
    this.#begun.abort();
  };
}
