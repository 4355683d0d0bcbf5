import { Refused } from "./refused.js";
import type { ScriptFile } from "./view.js";

/** So many functions of one package are taken by value: of what a package made, seldom a hundred are needed. */
const MOST_OF_PACKAGE = 500;
/** And so many of one file of the program. */
const MOST_OF_FILE = 1000;

/**
 * How many texts are taken from where. A function that reaches a large part of a library takes the library apart, which
 * takes long and comes to no good: a count is the same everywhere, and tells of it soon.
 */
export class Bounds {
  readonly #counts = new Map<object, number>();

  /** One more text was met. @throws Refused */
  add(file: ScriptFile, path: () => string): void {
    const { owner } = file;
    const from = owner ?? file;
    const count = (this.#counts.get(from) ?? 0) + 1;
    this.#counts.set(from, count);
    if (owner !== undefined && count > MOST_OF_PACKAGE) {
      const remedy = "Make what reaches it inside the function.";
      throw new Refused(path(), `is one of more than ${MOST_OF_PACKAGE} functions that would travel`, remedy);
    }
    if (owner === undefined && count > MOST_OF_FILE) {
      throw new Refused(
        path(),
        `is one of more than ${MOST_OF_FILE} functions of ${file.path ?? file.script.url} that would travel`,
        "If that is a bundle, leave packages out of it (esbuild --packages=external); if not, have the function import what it uses.",
      );
    }
  }
}
