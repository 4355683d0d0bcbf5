import { SuperJSON } from "superjson";

/**
 * superjson writes the values without parts (Date, RegExp, BigInt, URL, undefined, NaN ...). It does not see the
 * structure around them: there it is recursive, quadratic in places, and loses holes, prototypes and some keys.
 * So it is given one flat list, and the nodes of the structure as a whole that it passes through untouched.
 */
class Structure {
  readonly nodes: unknown;

  constructor(nodes: unknown) {
    this.nodes = nodes;
  }
}

// Private, because the default instance is shared with everyone in the program.
const superjson = new SuperJSON();
superjson.registerCustom<Structure, never>(
  {
    isApplicable: (value): value is Structure => value instanceof Structure,
    serialize: (structure) => structure.nodes as never,
    deserialize: (nodes) => new Structure(nodes),
  },
  "structure",
);
superjson.registerCustom<URLSearchParams, string>(
  {
    isApplicable: (value): value is URLSearchParams => value instanceof URLSearchParams,
    serialize: (parameters) => parameters.toString(),
    deserialize: (text) => new URLSearchParams(text),
  },
  "params",
);

/** Structure and leaves as one superjson text. */
export function writeText(nodes: unknown, leaves: readonly unknown[]): string {
  return superjson.stringify({ structure: new Structure(nodes), leaves });
}

/** The reverse of `writeText`; what is inside `nodes` is for the caller to check. */
export function readText(text: string): { nodes: unknown; leaves: unknown[] } {
  const parsed = JSON.parse(text) as { json: never; meta?: { referentialEqualities?: unknown } };
  // `writeText` never makes them, and they are the part of superjson that attackers were once drawn to.
  if (parsed.meta?.referentialEqualities !== undefined) throw new TypeError("references between leaves");
  const { structure, leaves } = superjson.deserialize<{ structure: unknown; leaves: unknown }>(parsed as never, {
    inPlace: true,
  });
  if (!(structure instanceof Structure) || !Array.isArray(leaves)) throw new TypeError("no structure or no leaves");
  return { nodes: structure.nodes, leaves };
}

/**
 * What makes a leaf anew; undefined for one that cannot be changed.
 * @throws TypeError for one that `writeText` is never given
 */
export function makerOf(leaf: unknown): (() => unknown) | undefined {
  if (typeof leaf !== "object" || leaf === null) return undefined;
  if (leaf instanceof Date) {
    const time = leaf.getTime();
    return () => new Date(time);
  }
  if (leaf instanceof RegExp) {
    const { source, flags } = leaf;
    return () => new RegExp(source, flags);
  }
  if (leaf instanceof URL) {
    const { href } = leaf;
    return () => new URL(href);
  }
  if (leaf instanceof URLSearchParams) {
    const text = leaf.toString();
    return () => new URLSearchParams(text);
  }
  throw new TypeError("a leaf of an unknown kind");
}
