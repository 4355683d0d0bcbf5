/** What setTimeout can wait for; for anything longer it fires at once. */
const LONGEST = 2 ** 31 - 1;

/** Calls back after so many milliseconds; never, if that is undefined, infinite or some weeks. */
export function after(milliseconds: number | undefined, call: () => void): NodeJS.Timeout | undefined {
  if (milliseconds === undefined || milliseconds > LONGEST) return undefined;
  return setTimeout(call, milliseconds);
}
