import { Flag, Integrity, isDetailed, type MaybeDetails } from "../graph.js";

/** Gives a value the properties, the prototype and the integrity that were captured of it, if anything was. */
export function applyDetails(target: object, details: MaybeDetails): void {
  if (!isDetailed(details)) return;
  const [integrity, hasPrototype, prototype, keys, flags, ...values] = details;
  if (hasPrototype) Object.setPrototypeOf(target, prototype);
  let next = 0;
  keys.forEach((key, i) => {
    const flag = flags[i] as number;
    const shared = { enumerable: has(flag, Flag.Enumerable), configurable: has(flag, Flag.Configurable) };
    if (has(flag, Flag.Deleted)) {
      Reflect.deleteProperty(target, key);
    } else if (has(flag, Flag.Accessor)) {
      const accessor = { get: values[next], set: values[next + 1] } as PropertyDescriptor;
      next += 2;
      Object.defineProperty(target, key, { ...accessor, ...shared });
    } else {
      Object.defineProperty(target, key, { value: values[next++], writable: has(flag, Flag.Writable), ...shared });
    }
  });
  if (integrity === Integrity.Frozen) Object.freeze(target);
  else if (integrity === Integrity.Sealed) Object.seal(target);
  else if (integrity === Integrity.NotExtensible) Object.preventExtensions(target);
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}
