import {
  type DecodeOptions,
  decodeValue,
  type EncodedValue,
  encodeValue,
  type Kind,
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
    const extension = this.#linker;
    const rows = readers.types?.read({ extension });
    const types = rows && typesOf(rows.value as readonly TypeRow[]);
    const { value, objects } = readers.values.read({ extension, types, known: rows?.objects });
    const [fn, late, hasWeak] = value as [Callable, readonly LateRow[], boolean];
    for (const [owner, key, flags, member] of late) applyDetail(owner, key, flags, member);
    const known = rows === undefined ? objects : [...rows.objects, ...objects];
    return new Linked(fn, { extension, known, types }, hasWeak);
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
  readonly #options: DecodeOptions;
  /** Whether entries of weak collections, that arguments are the keys of, lie behind the arguments. */
  readonly #hasWeak: boolean;

  constructor(fn: Callable, options: DecodeOptions, hasWeak: boolean) {
    this.fn = fn;
    this.#options = options;
    this.#hasWeak = hasWeak;
  }

  decodeArguments(kind: Kind, bytes: Uint8Array): unknown[] {
    const args = decodeValue(kind, bytes, this.#options) as unknown[];
    if (this.#hasWeak) fillWeak(args.pop() as readonly unknown[]);
    return args;
  }

  encodeResult(value: unknown): EncodedValue {
    return encodeValue(value, "result", this.#options.types === undefined ? undefined : { types: this.#options.types });
  }
}

function fillWeak(entries: readonly unknown[]): void {
  for (let i = 0; i < entries.length; i += 3) {
    const [collection, key, value] = entries.slice(i, i + 3) as [WeakMap<object, unknown>, object, unknown];
    if (collection instanceof WeakMap) collection.set(key, value);
    else (collection as WeakSet<object>).add(key);
  }
}
