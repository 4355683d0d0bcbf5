import { SerializationError } from "../errors.js";
import type { Regions } from "./envelope.js";
import type { DecodeOptions } from "./extension.js";
import { Tag } from "./nodes.js";
import { type PartOf, PlannedParts } from "./parts.js";
import { MAKING, type Plan, type Planned, UNMADE } from "./plan.js";
import { fill, shellOfNode } from "./shells.js";
import { typeOfName } from "./types.js";

/** Superclasses of superclasses and their like: only these cost stack. */
const MOST_CREATING = 500;

/** What somebody else threw, on its way to the caller; it says nothing about the bytes. */
export class Foreign {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

const noOptions: DecodeOptions = {};

type Container = Record<string | number, unknown>;

/** Makes the values of a plan once. @throws Foreign with what others throw that make some of them. */
export class Raising {
  readonly #plan: Plan;
  readonly #values: unknown[];
  readonly #regions: Regions;
  readonly #options: DecodeOptions;
  /** Whether what the nodes hold is copied, because others are to be made of it. */
  readonly #again: boolean;
  #creating = 0;
  /** Parts of the extra values that were made. */
  readonly #parts: PlannedParts[] = [];
  /** What others threw, and what the codec threw while they called it: both come out of their functions. */
  #foreign: Set<unknown> | undefined;
  #own: Set<unknown> | undefined;

  /** @param values the plan's, which are taken over */
  constructor(plan: Plan, values: unknown[], regions: Regions, again: boolean, options = noOptions) {
    this.#plan = plan;
    this.#values = values;
    this.#regions = regions;
    this.#again = again;
    this.#options = options;
  }

  /** All values, those of nodes first. */
  run(): unknown[] {
    try {
      this.#raiseAll();
    } catch (cause) {
      throw this.#foreign?.has(cause) ? new Foreign(cause) : cause;
    }
    return this.#values;
  }

  #raiseAll(): void {
    const { groups } = this.#plan;
    for (let g = 0; g < groups.length; g++) {
      const { members, linked, filled, extra } = groups[g] as Plan["groups"][number];
      for (let i = 0; i < members.length; i++) this.#value(members[i] as number);
      for (let i = 0; i < linked.length; i++) {
        const index = linked[i] as number;
        this.#link(this.#planned(index), this.#values[index] as Container);
      }
      // Containers that are keyed by their members come after all links are in place.
      for (let i = 0; i < filled.length; i++) {
        const planned = this.#planned(filled[i] as number);
        fill(planned.node, this.#values[filled[i] as number], this.#content(planned));
      }
      for (let i = 0; i < extra.length; i++) this.#fillExtra(extra[i] as number);
    }
  }

  #planned(index: number): Planned {
    return this.#plan.nodes[index] as Planned;
  }

  /** The value at a place, made now if it is not yet; possibly still empty. */
  #value(place: number): unknown {
    const value = this.#values[place];
    return value === UNMADE || value === MAKING ? this.#make(place) : value;
  }

  #make(index: number): unknown {
    if (this.#values[index] === MAKING) throw new TypeError("a value is needed to make itself");
    this.#values[index] = MAKING;
    const value = this.#shell(index, this.#planned(index));
    this.#values[index] = value;
    return value;
  }

  #shell(index: number, planned: Planned): unknown {
    switch (planned.tag) {
      case Tag.Array:
      case Tag.Object:
        return shellOfNode(planned.node, this.#regions, this.#copied(planned.data));
      case Tag.Extra:
        return this.#create(index, planned);
      case Tag.Known:
        return this.#known(planned.data);
      case Tag.Registered:
        return this.#unpack(planned);
      case Tag.Boxed:
        return shellOfNode(planned.node, this.#regions, this.#content(planned));
      default:
        return shellOfNode(planned.node, this.#regions, planned.data);
    }
  }

  #copied(data: unknown): unknown {
    if (!this.#again) return data;
    return Array.isArray(data) ? data.slice() : { ...(data as object) };
  }

  /** What a node holds, complete. */
  #content(planned: Planned): unknown {
    const content = this.#copied(planned.data);
    this.#link(planned, content as Container);
    return content;
  }

  #link({ keys, places }: Planned, content: Container): void {
    for (let i = 0; i < keys.length; i++) content[keys[i] as string | number] = this.#value(places[i] as number);
  }

  #known(number: unknown): unknown {
    const { known = [] } = this.#options;
    if (!Number.isInteger(number) || !((number as number) in known))
      throw new TypeError(`there is no known value ${String(number)}`);
    return known[number as number];
  }

  #create(index: number, planned: Planned): unknown {
    const { extension } = this.#options;
    const type = planned.node[3] as string;
    if (extension === undefined) throw new TypeError(`nobody here knows what to do with a value of type ${type}`);
    const parts = new PlannedParts(planned, this.#askedFor);
    this.#parts[index] = parts;
    if (this.#creating === MOST_CREATING) throw new TypeError("too many values need one another to be made");
    this.#creating++;
    try {
      return extension.create(type, parts);
    } catch (error) {
      throw this.#thrown(error);
    } finally {
      this.#creating--;
    }
  }

  #fillExtra(index: number): void {
    try {
      const type = this.#planned(index).node[3] as string;
      this.#options.extension?.fill(type, this.#values[index], this.#parts[index] as PlannedParts);
    } catch (error) {
      throw this.#thrown(error);
    }
  }

  /** What is thrown here comes back out of the function of others that asked. */
  readonly #askedFor: PartOf = (place, i) => {
    try {
      if (place === undefined) throw new TypeError(`a value lacks its part ${String(i)}`);
      return this.#value(place);
    } catch (error) {
      if (!this.#foreign?.has(error)) {
        this.#own ??= new Set();
        this.#own.add(error);
      }
      throw error;
    }
  };

  /** What came out of the function of others: their own, unless the codec threw it when they asked for something. */
  #thrown(error: unknown): unknown {
    if (!this.#own?.has(error)) {
      this.#foreign ??= new Set();
      this.#foreign.add(error);
    }
    return error;
  }

  #unpack(planned: Planned): unknown {
    const [packed] = this.#content(planned) as [unknown];
    const name = planned.node[3] as string;
    try {
      const type = typeOfName(name, this.#options.types);
      if (type === undefined) throw unknownType(name);
      try {
        return type.unpack(packed);
      } catch (cause) {
        throw unpackThrew(name, cause);
      }
    } catch (error) {
      throw this.#thrown(error);
    }
  }
}

function unknownType(name: string): SerializationError {
  const quoted = JSON.stringify(name);
  return new SerializationError(
    `A value of the registered type ${quoted} arrived, and no such type is registered here. Call registerType(Class, { name: ${quoted}, pack, unpack }) in this process or worker thread too.`,
    { path: "" },
  );
}

function unpackThrew(name: string, cause: unknown): SerializationError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new SerializationError(
    `unpack of the registered type ${JSON.stringify(name)} threw${why}. The cause says why: it must accept whatever pack returns.`,
    { path: "", cause },
  );
}
