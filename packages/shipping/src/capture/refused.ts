import type { SerializationError } from "@pydist/protocol";

/** Where the function lies in what is written: paths begin with it. */
export const FIRST = "[0]";

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

/** What the codec says of a value, which it does as "path: what. Remedy." */
export function saidBy({ message, path }: SerializationError): [what: string, remedy: string] {
  const [what = "", ...remedy] = message.slice(path.length + 2).split(". ");
  return [what, remedy.join(". ")];
}

/** Why something cannot travel, as a sentence that begins with the path by which it is to be called. */
export function sentence(path: string, error: Refused | SerializationError): string {
  if (error instanceof Refused) return `${path} ${error.what}`;
  const [what] = saidBy(error);
  return `${path}${/^an? /.test(what) ? " is" : ":"} ${what}`;
}

export function remedyOf(error: Refused | SerializationError): string {
  return error instanceof Refused ? error.remedy : saidBy(error)[1];
}
