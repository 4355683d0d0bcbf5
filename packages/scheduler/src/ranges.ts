import type { Ranges } from "@pydist/protocol";

/** Appends an index to ascending flattened ranges, joining it to the last one where it continues it. */
export function appendIndex(ranges: number[], index: number): void {
  if (ranges.length > 0 && ranges[ranges.length - 1] === index) ranges[ranges.length - 1] = index + 1;
  else ranges.push(index, index + 1);
}

/** Calls `visit` for every index below `count`, in order: whoever made the ranges may be wrong about how many there are. */
export function eachIndex(ranges: Ranges, count: number, visit: (index: number) => void): void {
  for (let r = 0; r + 1 < ranges.length; r += 2) {
    const end = Math.min(ranges[r + 1] as number, count);
    for (let i = ranges[r] as number; i < end; i++) visit(i);
  }
}

/** How many indices there are in ranges. */
export function countIn(ranges: Ranges): number {
  let count = 0;
  for (let r = 0; r + 1 < ranges.length; r += 2) count += (ranges[r + 1] as number) - (ranges[r] as number);
  return count;
}

/** The same as a list. */
export function indicesIn(ranges: Ranges, count: number): number[] {
  const indices: number[] = [];
  eachIndex(ranges, count, (index) => indices.push(index));
  return indices;
}
