/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * What a figure came to over the rounds.
 * @param {readonly number[]} values
 */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), rounds: [...values] };
}
