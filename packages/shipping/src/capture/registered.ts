import { type Extension, encodeGraph, type Graph, registeredTypes, SerializationError } from "@pydist/protocol";
import { ours } from "./ours.js";
import { Refused, saidBy } from "./refused.js";

/** What a row of the types holds. */
const members = ["name", "prototype", "pack", "unpack"];

/**
 * The types that the program has registered, with their classes and functions, so that a node has them: as a graph that is
 * read before the values. Undefined where there are none.
 * @throws Refused naming the type
 */
export function captureTypes(extension: Pick<Extension, "lower">): Graph | undefined {
  const types = registeredTypes();
  if (types.length === 0) return undefined;
  const rows = types.map(({ name, prototype, pack, unpack }) => ours([name, prototype, pack, unpack]));
  try {
    return encodeGraph(ours(rows), "", { extension });
  } catch (error) {
    if (!(error instanceof Refused) && !(error instanceof SerializationError)) throw error;
    const [, row = "", member = "", rest = ""] = /^\[(\d+)\]\[(\d)\](.*)$/s.exec(error.path) ?? [];
    const path = `the type "${types[Number(row)]?.name}" > ${members[Number(member)]}${rest}`;
    if (error instanceof Refused) throw new Refused(path, error.what, error.remedy, error);
    const [what, remedy] = saidBy(error);
    throw new Refused(path, `is ${what}`, remedy, error);
  }
}
