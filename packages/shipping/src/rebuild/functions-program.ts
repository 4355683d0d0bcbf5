import { decodeValue, type EncodedValue, encodeValue, type Kind, type RegisteredType, Types } from "@pydist/protocol";
import type { Callable, FunctionsCode } from "../code.js";
import { Lru } from "../lru.js";
import { task } from "../task.js";
import { CompiledText } from "./compiled-text.js";
import { helperOf, placeOf } from "./helpers.js";
import { Linker, type Supplies } from "./linker.js";
import { requireOf } from "./modules.js";
import { type Bound, type CapturedHere, type Program, programOf } from "./program.js";
import { readerOf } from "./readers.js";

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
  constructor(code: FunctionsCode, modules: readonly unknown[]) {
    this.context = code.asks ? "wanted" : "unwanted";
    this.#texts = code.texts.map((text) => new CompiledText(text, helperOf));
    const supplies: Supplies = {
      texts: this.#texts,
      modules,
      helper: (name) => helperOf(name as never, undefined),
      reference: (url, name) => task(url, name),
      requireOf,
      placeOf,
    };
    this.#linker = new Linker(supplies);
  }

  bind(captured: CapturedHere | undefined): Bound {
    if (captured === undefined) {
      const fn = this.#texts[0]?.make(undefined, [])[0] as Callable;
      this.#plain ??= programOf(fn, this.context).bind(undefined);
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

  #link(captured: CapturedHere): Bound {
    const { value, objects } = readerOf(captured).read(this.#linker);
    const [fn, rows] = value as [Callable, readonly TypeRow[]];
    return new Linked(fn, this.#linker, objects, rows.length === 0 ? undefined : typesOf(rows));
  }
}

/** A registered type that was captured. */
type TypeRow = readonly [
  name: string,
  prototype: object,
  pack: RegisteredType["pack"],
  unpack: RegisteredType["unpack"],
];

function typesOf(rows: readonly TypeRow[]): Types {
  return Types.of(rows.map(([name, prototype, pack, unpack]) => ({ name, prototype, pack, unpack })));
}

/** A function with what it captured. There may be one for each task, so it is made of what is there anyway. */
class Linked implements Bound {
  readonly fn: Callable;
  readonly #extension: Linker;
  readonly #known: readonly unknown[];
  readonly #types: Types | undefined;

  constructor(fn: Callable, extension: Linker, known: readonly unknown[], types: Types | undefined) {
    this.fn = fn;
    this.#extension = extension;
    this.#known = known;
    this.#types = types;
  }

  decodeArguments(kind: Kind, bytes: Uint8Array): unknown[] {
    const options = { extension: this.#extension, known: this.#known, types: this.#types };
    return decodeValue(kind, bytes, options) as unknown[];
  }

  encodeResult(value: unknown): EncodedValue {
    return encodeValue(value, "result", this.#types === undefined ? undefined : { types: this.#types });
  }
}
