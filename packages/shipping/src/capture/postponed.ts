import { isDetailed, type MaybeDetails, valuesOf } from "../graph.js";
import { ours } from "./ours.js";

/** Details without the properties whose values are to be put in later, and rows that say how. */
export function postponed(
  owner: object,
  details: MaybeDetails,
  isLate: (value: unknown) => boolean,
): { readonly details: MaybeDetails; readonly rows: readonly unknown[] } {
  if (!isDetailed(details)) return { details, rows: [] };
  const [integrity, hasPrototype, prototype, keys, flags, ...values] = details;
  if (!values.some(isLate)) return { details, rows: [] };
  const rows: unknown[] = [];
  const kept: number[] = [];
  let at = 0;
  keys.forEach((key, i) => {
    if (isLate(values[at])) rows.push(ours([owner, key, flags[i], values[at]]));
    else kept.push(i);
    at += valuesOf(flags[i] as number);
  });
  const rest = [
    integrity,
    hasPrototype,
    prototype,
    ours(kept.map((i) => keys[i] as PropertyKey)),
    ours(kept.map((i) => flags[i] as number)),
    ...values.filter((value) => !isLate(value)),
  ] as const;
  return { details: rest, rows };
}
