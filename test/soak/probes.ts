import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { folderOf } from "../support/folders.js";

const PROBE = new URL("./fixtures/probe.mjs", import.meta.url).href;

/** What a process uses at one moment. */
export interface Measures {
  /** Bytes; the heap's right after a collection. */
  readonly rss: number;
  readonly heapUsed: number;
  readonly files: number;
  readonly threads: number;
  /** Milliseconds that the event loop was late, in all but one of a hundred cases since it was last asked. */
  readonly delay: number;
}

interface Answer extends Measures {
  readonly pid: number;
}

/** Processes that can be asked what they use. */
export class Probes {
  readonly #folder = folderOf({});

  /** What a process has to be started with, so that it can be asked. */
  get env(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--import=${PROBE}`, PYDIST_SOAK_PROBES: this.#folder };
  }

  /** All of them, by process id. Those that have ended do not answer. */
  async ask(): Promise<Answer[]> {
    const answers = await Promise.all(
      readdirSync(this.#folder).map(async (name) => {
        try {
          return JSON.parse(await text(connect(join(this.#folder, name)))) as Answer;
        } catch {
          return undefined;
        }
      }),
    );
    return answers.filter((answer) => answer !== undefined);
  }
}
