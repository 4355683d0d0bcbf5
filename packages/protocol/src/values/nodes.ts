/*
 * A rich value is a list of flat nodes, the first of which is a one-element array holding the value. So there is no
 * nesting: depth costs no stack, and an object that is reachable in several ways is one node.
 *
 *   [tag, data, links, ...more]
 *
 * `data` holds what JSON carries as it is, with 0 in place of everything else, and becomes the value itself where that
 * is an array or plain object. `links` lists those places: key, target, key, target ... A target >= 0 is the number of
 * a node, one below is the leaf number -1 - target. Nodes without `links` and `more` end after `data`.
 */

/** What a node stands for, and what its `data` and `more` are. */
export const Tag = {
  /** data: the items. */
  Array: 0,
  /** data: the object. */
  Object: 1,
  /** As Object, without a prototype. */
  NullObject: 2,
  /** An array with holes or named properties. data: an object of what is there; more: length. */
  SparseArray: 3,
  /** data: key, value, key, value ... */
  Map: 4,
  /** data: the members. */
  Set: 5,
  /** data: the values of its fields; more: class names from its own upwards, enumerable keys, other keys, name, message. */
  Error: 6,
  /** data: number of the attachment. */
  ArrayBuffer: 7,
  /** data: [class name, number of the attachment, byte offset in it, length in elements]. */
  View: 8,
  /** data: [the primitive]. */
  Boxed: 9,
  /** data: 0. superjson has no invalid dates. */
  InvalidDate: 10,
  /** A value that an extension supplies. data: its parts; more: its type. */
  Extra: 11,
  /** An object of a graph that the other side has decoded already. data: its number in there. */
  Known: 12,
  /** An instance of a registered class. data: [what its `pack` gave]; more: the name of its type. */
  Registered: 13,
} as const;

export type Node = [tag: number, data: unknown, links?: Links, ...more: unknown[]];
export type Links = (string | number)[];
