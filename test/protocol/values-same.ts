/**
 * Says where two values differ, or nothing. Stricter than deepStrictEqual: prototypes, key order, holes, bytes, and the
 * same object on one side must be the same object on the other.
 */
export function difference(a: unknown, b: unknown): string | undefined {
  const partners = new Map<object, object>();
  const reverse = new Map<object, object>();
  const work: [path: string, a: unknown, b: unknown][] = [["value", a, b]];
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    const [path, x, y] = next;
    if (typeof x !== "object" || x === null || typeof y !== "object" || y === null) {
      if (!Object.is(x, y)) return `${path}: ${String(x)} became ${String(y)}`;
      continue;
    }
    if (partners.has(x) || reverse.has(y)) {
      if (partners.get(x) !== y || reverse.get(y) !== x) return `${path}: identity is lost`;
      continue;
    }
    partners.set(x, y);
    reverse.set(y, x);
    if (Object.getPrototypeOf(x) !== Object.getPrototypeOf(y)) return `${path}: the prototype differs`;
    const problem = contentDiffers(x, y);
    if (problem !== undefined) return `${path}: ${problem}`;
    // A view on part of a buffer is meant to arrive without the rest of it.
    if (ArrayBuffer.isView(x) && ArrayBuffer.isView(y) && x.byteLength === x.buffer.byteLength) {
      work.push([`${path}.buffer`, x.buffer, y.buffer]);
    }
    const [left, right] = [members(x), members(y)];
    const [keys, others] = [left.map(([key]) => key).join(), right.map(([key]) => key).join()];
    if (keys !== others) return `${path}: keys ${keys} became ${others}`;
    left.forEach(([key, member], i) => {
      work.push([`${path}.${key}`, member, right[i]?.[1]]);
    });
  }
  return undefined;
}

function bytesOf(value: ArrayBuffer | ArrayBufferView): string {
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  return bytes.join();
}

/** What an object holds apart from its properties. */
function contentDiffers(x: object, y: object): string | undefined {
  const texts = [x, y].map((value) => {
    if (value instanceof Date) return String(value.getTime());
    if (value instanceof RegExp || value instanceof URL || value instanceof URLSearchParams) return String(value);
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return bytesOf(value);
    if (value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt) {
      return Object.is(value.valueOf(), -0) ? "-0" : String(value.valueOf());
    }
    if (Array.isArray(value)) return String(value.length);
    return "";
  });
  return texts[0] === texts[1] ? undefined : `content ${texts[0]} became ${texts[1]}`;
}

function members(value: object): [string, unknown][] {
  if (value instanceof Map)
    return [...value].flatMap(
      ([k, v], i) =>
        [
          [`key${i}`, k],
          [`value${i}`, v],
        ] as [string, unknown][],
    );
  if (value instanceof Set) return [...value].map((member, i) => [`member${i}`, member]);
  if (value instanceof Error) {
    const keys = Object.getOwnPropertyNames(value).sort();
    return keys.map((key) => [
      `${Object.prototype.propertyIsEnumerable.call(value, key) ? "" : "hidden "}${key}`,
      (value as unknown as Record<string, unknown>)[key],
    ]);
  }
  if (ArrayBuffer.isView(value)) return [];
  return Object.keys(value).map((key) => [key, (value as Record<string, unknown>)[key]]);
}
