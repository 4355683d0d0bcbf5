import {
  type DecodeOptions,
  decodeValue,
  type EncodedValue,
  encodeValue,
  type GraphReader,
  Kind,
  type RegisteredType,
  Types,
} from "@pydist/protocol";
import type { Callable, Captured, FunctionsCode, Helper } from "../code.js";
import { Lru } from "../lru.js";
import { task } from "../task.js";
import { CompiledText } from "./compiled-text.js";
import { applyDetail } from "./details.js";
import { helperOf } from "./helpers.js";
import type { Home } from "./home.js";
import { Linker, type Supplies } from "./linker.js";
import { type Bound, type Program, programOf } from "./program.js";
import { readersOf } from "./readers.js";

/** Most captures that a program remembers, of those that tasks may share. */
const MOST_SHARED = 100;

/** Functions and classes from their texts, and what they see. */
export class FunctionsProgram implements Program {
  readonly context: Program["context"];
  readonly #texts: readonly CompiledText[];
  readonly #linker: Linker;
  readonly #shared = new Lru<string, Bound>(MOST_SHARED);
  /** Of what tasks share while their types are their own. */
  readonly #apart = new Lru<string, Linked>(MOST_SHARED);
  #plain: Bound | undefined;

  /** @param modules what the code's module references name, imported */
  constructor(code: FunctionsCode, modules: readonly unknown[], home: Home) {
    this.context = code.asks ? "wanted" : "unwanted";
    this.#texts = code.texts.map((text) => new CompiledText(text, (helper) => helperOf(helper, text, home)));
    const supplies: Supplies = {
      texts: this.#texts,
      modules,
      helper: (name) => helperOf(name as Helper, undefined, home),
      reference: (url, name) => task(url, name),
      requireOf: (folder) => home.requireOf(folder),
      placeOf: (place, form) => home.placeOf(place, form),
    };
    this.#linker = new Linker(supplies);
  }

  bind(captured: Captured | undefined): Bound {
    if (captured === undefined) {
      this.#plain ??= programOf(this.#texts[0]?.make(undefined)[0] as Callable, this.context).bind(undefined);
      return this.#plain;
    }
    if (captured.state === "fresh") return this.#link(captured);
    let bound = this.#shared.get(captured.hash);
    if (bound === undefined) {
      bound = this.#link(captured);
      this.#shared.set(captured.hash, bound);
    }
    return bound;
  }

  #link(captured: Captured): Bound {
    const readers = readersOf(captured);
    const types = readers.types && new LinkedTypes(readers.types, this.#linker);
    if (types === undefined || readers.relation === "needed") return this.#linkValues(readers.values, types);
    // Few tasks need the types then.
    if (readers.relation === "apart") return this.#linkValues(readers.values).with(types);
    let apart = this.#apart.get(captured.hash);
    if (apart === undefined) {
      apart = this.#linkValues(readers.values);
      this.#apart.set(captured.hash, apart);
    }
    return apart.with(types);
  }

  #linkValues(values: GraphReader, types?: LinkedTypes): Linked {
    const extension = this.#linker;
    const { value, objects } = values.read({ extension, types: types?.types, known: types?.objects });
    const [fn, late, hasWeak] = value as [Callable, readonly LateRow[], boolean];
    for (const [owner, key, flags, member] of late) applyDetail(owner, key, flags, member);
    return new Linked(fn, extension, objects, hasWeak, types);
  }
}

/** The types of one task, made when they are first asked for. */
class LinkedTypes {
  readonly #reader: GraphReader;
  readonly #extension: Linker;
  #read: { readonly types: Types; readonly objects: readonly unknown[] } | undefined;

  constructor(reader: GraphReader, extension: Linker) {
    this.#reader = reader;
    this.#extension = extension;
  }

  get types(): Types {
    return this.#all().types;
  }

  /** By their numbers, which those of the values follow. */
  get objects(): readonly unknown[] {
    return this.#all().objects;
  }

  #all(): { readonly types: Types; readonly objects: readonly unknown[] } {
    if (this.#read === undefined) {
      const { value, objects } = this.#reader.read({ extension: this.#extension });
      this.#read = { types: typesOf(value as readonly TypeRow[]), objects };
    }
    return this.#read;
  }
}

/** A registered type that was captured. */
type TypeRow = readonly [
  name: string,
  prototype: object,
  pack: RegisteredType["pack"],
  unpack: RegisteredType["unpack"],
];

/** A property of a function of a type's, that is an instance of such a type. */
type LateRow = readonly [owner: object, key: PropertyKey, flags: number, value: unknown];

function typesOf(rows: readonly TypeRow[]): Types {
  return Types.of(rows.map(([name, prototype, pack, unpack]) => ({ name, prototype, pack, unpack })));
}

/** A function with what it captured. There may be one for each task, so it is made of what is there anyway. */
class Linked implements Bound {
  readonly fn: Callable;
  readonly #extension: Linker;
  readonly #objects: readonly unknown[];
  /** Whether entries of weak collections, that arguments are the keys of, lie behind the arguments. */
  readonly #hasWeak: boolean;
  readonly #types: LinkedTypes | undefined;

  constructor(
    fn: Callable,
    extension: Linker,
    objects: readonly unknown[],
    hasWeak: boolean,
    types: LinkedTypes | undefined,
  ) {
    this.fn = fn;
    this.#extension = extension;
    this.#objects = objects;
    this.#hasWeak = hasWeak;
    this.#types = types;
  }

  get types(): Types | undefined {
    return this.#types?.types;
  }

  /** The same function, and what else it captured, with types. */
  with(types: LinkedTypes): Linked {
    return new Linked(this.fn, this.#extension, this.#objects, this.#hasWeak, types);
  }

  decodeArguments(kind: Kind, bytes: Uint8Array): unknown[] {
    const args = decodeValue(kind, bytes, kind === Kind.Rich ? this.#options : undefined) as unknown[];
    if (this.#hasWeak) fillWeak(args.pop() as readonly unknown[]);
    return args;
  }

  encodeResult(value: unknown): EncodedValue {
    // Looked at only for what plain data does not have.
    return encodeValue(value, "result", this.#types);
  }

  get #options(): DecodeOptions {
    const objects = this.#objects;
    const types = this.#types;
    const known = types === undefined ? objects : [...types.objects, ...objects];
    return { extension: this.#extension, known, types: types?.types };
  }
}

function fillWeak(entries: readonly unknown[]): void {
  for (let i = 0; i < entries.length; i += 3) {
    const [collection, key, value] = entries.slice(i, i + 3) as [WeakMap<object, unknown>, object, unknown];
    if (collection instanceof WeakMap) collection.set(key, value);
    else (collection as WeakSet<object>).add(key);
  }
}
