/** A value that cannot be captured. Whoever captures tells the user, with the function's name and place. */
export class Refused extends Error {
  /** How it was reached. */
  readonly path: string;
  /** What it is: the end of a sentence that begins with the path. */
  readonly what: string;
  readonly remedy: string;

  constructor(path: string, what: string, remedy: string, cause?: unknown) {
    super(`${path} ${what}. ${remedy}`, cause === undefined ? {} : { cause });
    this.path = path;
    this.what = what;
    this.remedy = remedy;
  }
}
