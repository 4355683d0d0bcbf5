// What the examples share of their command lines.
/**
 * A count given on the command line.
 * @param {string} name
 * @param {string} text
 */
export function wholeNumber(name, text) {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  console.error(`--${name} is ${JSON.stringify(text)}; it must be a whole number of at least 1.`);
  process.exit(2);
}

/**
 * Says whether a result is what a serial run comes to; if it is not, the program ends with exit code 1.
 * @param {boolean} right
 */
export function verdict(right) {
  console.log(right ? "check: the same as a serial run" : "check: NOT the same as a serial run");
  if (!right) process.exitCode = 1;
}
