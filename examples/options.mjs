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
