/** So many errors of one failure are looked at: itself, its causes, and what they gather. */
const MOST_ERRORS = 1000;

/** What a line of a stack that is a frame begins with. */
export const frame = /^\s+at /;

export function errorsIn(failure: unknown): Set<Error> {
  const errors = new Set<Error>();
  const open = [failure];
  for (let next = open.pop(); next !== undefined || open.length > 0; next = open.pop()) {
    if (!(next instanceof Error) || errors.has(next)) continue;
    if (errors.size >= MOST_ERRORS) break;
    errors.add(next);
    const gathered = fieldOf(next, "errors");
    if (Array.isArray(gathered)) open.push(...gathered.slice(0, MOST_ERRORS));
    open.push(fieldOf(next, "cause"), fieldOf(next, "error"), fieldOf(next, "suppressed"));
  }
  return errors;
}

/** Runs no getter: what a task threw may have any. */
export function fieldOf(object: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value;
}

export function replace(object: object, key: string, before: string, after: string): void {
  if (before !== after) Object.defineProperty(object, key, { value: after });
}
