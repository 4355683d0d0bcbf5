import {
  type Extension,
  encodeGraph,
  type Graph,
  hasRegisteredTypes,
  isPlain,
  type RegisteredType,
  registeredTypes,
  SerializationError,
  shapeOf,
  type Types,
  typeOfInstance,
  typeOfPrototype,
} from "@pydist/protocol";
import { ours } from "./ours.js";
import { Refused, saidBy } from "./refused.js";

/** What a row of the types holds. */
const members = ["name", "class", "pack", "unpack"];

/** Thrown where it turns out that the types have to go along. */
export const TYPES_NEEDED = new Error("the types are needed");

/**
 * The types that are registered where a function is shipped. All that can travel go along with it, or none: none, if
 * neither the function nor its arguments have to do with any.
 */
export class TypesAround {
  /** Those that the task, in which this happens, was sent with. */
  readonly given: Types | undefined;
  readonly #unable = new Map<RegisteredType, Refused>();
  #travel: boolean;

  /** @param args of the call; undefined for any that may still come */
  constructor(given: Types | undefined, args: readonly unknown[] | undefined) {
    this.given = given;
    this.#travel = hasRegisteredTypes(given) && mayHoldInstances(args, given);
  }

  get travel(): boolean {
    return this.#travel;
  }

  /** The function can get at instances. @throws TYPES_NEEDED if that is news: what was written without them is void */
  need(): void {
    if (this.#travel || !hasRegisteredTypes(this.given)) return;
    this.#travel = true;
    throw TYPES_NEEDED;
  }

  /** Whether a value is an instance of one. */
  hasInstance(value: unknown): boolean {
    return typeof value === "object" && value !== null && typeOfInstance(value, this.given) !== undefined;
  }

  /**
   * The type that a value is an instance, the class or the prototype of.
   * @throws Refused for one that cannot travel
   */
  typeOf(value: object, path: () => string): RegisteredType | undefined {
    if (!hasRegisteredTypes(this.given)) return undefined;
    const type = typeOfPrototype(prototypeIn(value), this.given) ?? typeOfInstance(value, this.given);
    const why = type && this.#unable.get(type);
    if (why === undefined) return type;
    throw new Refused(
      path(),
      `is of the type ${JSON.stringify(type?.name)} that registerType() was told of, which cannot travel: its ${why.path} ${why.what}`,
      why.remedy,
      why,
    );
  }

  /**
   * Them with their classes and functions, so that a node has them: as a graph that is read before the values. One that
   * cannot travel stays behind.
   * @returns undefined if none is to travel; "again" if one turned out to be unable
   */
  capture(extension: Pick<Extension, "lower">): Graph | "again" | undefined {
    const types = this.#travel ? registeredTypes(this.given).filter((type) => !this.#unable.has(type)) : [];
    if (types.length === 0) return undefined;
    const rows = types.map(({ name, prototype, pack, unpack }) => ours([name, prototype, pack, unpack]));
    try {
      return encodeGraph(ours(rows), "", { extension });
    } catch (error) {
      if (!(error instanceof Refused) && !(error instanceof SerializationError)) throw error;
      const [, row, member = "", rest = ""] = /^\[(\d+)\]\[(\d)\](.*)$/s.exec(error.path) ?? [];
      const type = types[Number(row)];
      if (type === undefined) throw error;
      const way = rest.replace(member === "1" ? ".constructor" : /^ > bound(?! this| argument)/, "");
      this.#unable.set(type, refused(`${members[Number(member)]}${way}`, error));
      return "again";
    }
  }
}

function refused(path: string, error: Refused | SerializationError): Refused {
  if (error instanceof Refused) return new Refused(path, error.what, error.remedy, error);
  const [what, remedy] = saidBy(error);
  return new Refused(path, `is ${what}`, remedy, error);
}

/** The prototype that a value is, or that it gives to what it makes. */
function prototypeIn(value: object): object | null {
  if (typeof value !== "function") return value;
  const prototype: unknown = Object.getOwnPropertyDescriptor(value, "prototype")?.value;
  return typeof prototype === "object" ? prototype : null;
}

/** Plain data does not, and only looking tells of anything else; what nobody can look into may. */
function mayHoldInstances(args: readonly unknown[] | undefined, given: Types | undefined): boolean {
  if (args === undefined) return true;
  if (isPlain(args)) return false;
  const found = new Error("found");
  const lower = (value: unknown): undefined => {
    if (typeof value !== "object" || value === null) throw found;
    if (shapeOf(value) === undefined || typeOfInstance(value, given) !== undefined) throw found;
    return undefined;
  };
  try {
    // Only looked at: nothing is packed, nor written.
    encodeGraph(args.slice(), "args", { extension: { lower } });
    return false;
  } catch {
    return true;
  }
}
