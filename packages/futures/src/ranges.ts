/** Indices in any order, as ranges that ascend and do not touch: what crosses a link has no other form. */
export function rangesOf(indices: readonly number[]): number[] {
  const ranges: number[] = [];
  for (const index of [...indices].sort((a, b) => a - b)) {
    if (ranges.at(-1) === index) ranges[ranges.length - 1] = index + 1;
    else ranges.push(index, index + 1);
  }
  return ranges;
}
