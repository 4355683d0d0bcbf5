import { encodeGraph, SerializationError } from "@pydist/protocol";
import { inspect } from "../inspect/session.js";
import type { TaskFunction } from "../task.js";
import { type CapturedFunction, Capturing } from "./capturing.js";
import { Cells } from "./cells.js";
import { noteNewGlobals } from "./known.js";
import { explained } from "./made-by-packages.js";
import { ours } from "./ours.js";
import { FIRST, Refused } from "./refused.js";
import { captureTypes } from "./registered.js";
import { Views } from "./view.js";
import { WeakEntries } from "./weak-entries.js";

const winding = "reaches objects through so many WeakMaps, one behind the other, that they cannot all be followed";

/** So often a graph is written anew, because what was met last changes what was written before. */
const MOST_ROUNDS = 20;

/**
 * Takes a function as it is now, with all that it sees: values, functions, classes and instances, by value; modules of Node
 * and of packages, by reference. Runs nothing of the user's.
 * @throws Refused, or a SerializationError, naming what cannot be captured by the path to it; InspectorUnavailable.
 */
export function capture(fn: TaskFunction): CapturedFunction {
  noteNewGlobals();
  return inspect(() => {
    const cells = new Cells();
    try {
      return settled(fn, cells);
    } catch (error) {
      if (error instanceof Refused || error instanceof SerializationError) throw explained(error, cells.functions);
      throw error;
    }
  });
}

function settled(fn: TaskFunction, cells: Cells): CapturedFunction {
  const views = new Views();
  const weak = new WeakEntries();
  for (let round = 0; ; round++) {
    const extension = new Capturing(views, cells, weak);
    const before = weak.any;
    const types = captureTypes(extension);
    const root = ours([fn, ours(extension.beginValues()), before]);
    const values = encodeGraph(root, "", { extension, known: types?.objects });
    const again = [cells.settle(), weak.look(values.objects.keys()), weak.any !== before].includes(true);
    if (!again) return extension.finish(types, values);
    if (round === MOST_ROUNDS) throw new Refused(FIRST, winding, "Use properties or a Map.");
  }
}
