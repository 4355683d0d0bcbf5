const made = new WeakSet<object>();

/** Marks a container that was made to hold parts of a graph: it is none of the captured values. */
export function ours<T extends object>(container: T): T {
  made.add(container);
  return container;
}

export function isOurs(value: object): boolean {
  return made.has(value);
}
