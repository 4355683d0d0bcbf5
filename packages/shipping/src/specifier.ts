/** Whether a specifier means something only beside the file that has it: `./x.js`, or `#x` of a package's own imports. */
export function isRelative(specifier: string): boolean {
  return /^(?:\.\.?(?:\/|$)|#)/.test(specifier);
}
