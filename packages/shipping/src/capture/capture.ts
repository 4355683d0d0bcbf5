import { encodeGraph, SerializationError } from "@pydist/protocol";
import { inspect } from "../inspect/session.js";
import type { TaskFunction } from "../task.js";
import { ArgumentsAround } from "./arguments-around.js";
import { type CapturedFunction, Capturing } from "./capturing.js";
import { Cells } from "./cells.js";
import { noteNewGlobals } from "./known.js";
import { explained } from "./made-by-packages.js";
import { ours } from "./ours.js";
import { FIRST, Refused } from "./refused.js";
import { TYPES_NEEDED, type TypesAround } from "./registered.js";
import { Views } from "./view.js";
import { WeakEntries } from "./weak-entries.js";

const winding = "reaches objects through so many WeakMaps, one behind the other, that they cannot all be followed";

/** So often a graph is written anew, because what was met last changes what was written before. */
const MOST_ROUNDS = 20;

/**
 * Takes a function as it is now, with all that it sees: values, functions, classes and instances, by value; modules of Node
 * and of packages, by reference. Runs nothing of the user's but `pack` of registered types.
 * @throws Refused, or a SerializationError, naming what cannot be captured by the path to it; InspectorUnavailable.
 */
export function capture(fn: TaskFunction, types: TypesAround): CapturedFunction {
  noteNewGlobals();
  return inspect(() => {
    const cells = new Cells();
    try {
      return settled(fn, cells, types);
    } catch (error) {
      if (error instanceof Refused || error instanceof SerializationError) throw explained(error, cells.functions);
      throw error;
    }
  });
}

function settled(fn: TaskFunction, cells: Cells, types: TypesAround): CapturedFunction {
  const views = new Views();
  const given = new ArgumentsAround();
  const weak = new WeakEntries();
  for (let round = 0; round <= MOST_ROUNDS; ) {
    const written = write(fn, new Capturing(views, cells, given, weak, types));
    if (typeof written === "object") {
      given.check(cells.met);
      return written;
    }
    if (written === "values changed") round++;
  }
  throw new Refused(FIRST, winding, "Use properties or a Map.");
}

/** @returns why it has to be written once more, if it has */
function write(fn: TaskFunction, extension: Capturing): CapturedFunction | "values changed" | "types changed" {
  const { cells, weak, types } = extension;
  const before = weak.any;
  try {
    const first = types.capture(extension);
    if (first === "again") return "types changed";
    const root = ours([fn, ours(extension.beginValues()), before]);
    const values = encodeGraph(root, "", { extension, known: first?.objects, types: types.given });
    const again = [cells.settle(), weak.look(values.objects.keys()), weak.any !== before].includes(true);
    return again ? "values changed" : extension.finish(first, values);
  } catch (error) {
    if (error !== TYPES_NEEDED) throw error;
    return "types changed";
  }
}
