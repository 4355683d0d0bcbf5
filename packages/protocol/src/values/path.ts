export const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
/** Of a longer path only the two ends are written. */
const MOST_STEPS = 40;

/** `.name`, `[3]` or `["any key"]`. */
export function memberStep(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return IDENTIFIER.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** The step into a Map whose keys and values are numbered in turn. */
export function mapStep(position: number, key: unknown): string {
  const entry = position >> 1;
  if (position % 2 === 0) return `.keys()[${entry}]`;
  switch (typeof key) {
    case "string":
      return `.get(${JSON.stringify(key)})`;
    case "number":
    case "boolean":
    case "undefined":
      return `.get(${key})`;
    case "bigint":
      return `.get(${key}n)`;
    default:
      return `.values()[${entry}]`;
  }
}

/** Writes the steps behind one another, leaving out the middle of a very deep path. */
export function joinSteps(root: string, steps: readonly string[]): string {
  if (steps.length <= MOST_STEPS) return root + steps.join("");
  const half = MOST_STEPS / 2;
  const left = steps.length - 2 * half;
  return `${root}${steps.slice(0, half).join("")}...(${left} more)...${steps.slice(-half).join("")}`;
}
