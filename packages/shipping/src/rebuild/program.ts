import {
  decodeGraph,
  decodeValue,
  type EncodedValue,
  encodeValue,
  type Kind,
  type RegisteredType,
  Types,
} from "@pydist/protocol";
import type { Callable, Captured, FunctionsCode } from "../code.js";
import { Lru } from "../lru.js";
import { task } from "../task.js";
import { CompiledText } from "./compiled-text.js";
import { helperOf, placeOf } from "./helpers.js";
import { Linker, type Supplies } from "./linker.js";
import { requireOf } from "./modules.js";

/** Code that was compiled on this thread. */
export interface Program {
  /** Whether its functions may ask for the context of the task that runs. */
  readonly asks: boolean;
  /**
   * The function with what it sees. Of captured values that are `fresh`, each call gives another one, which shares nothing
   * with those before.
   * @throws SerializationError when the captured values are not what the code was shipped with
   */
  bind(captured: Captured | undefined): Bound;
}

/** A function that can be called, and what goes in and comes out. */
export interface Bound {
  readonly fn: Callable;
  /** @throws SerializationError */
  decodeArguments(kind: Kind, bytes: Uint8Array): unknown[];
  /** @throws SerializationError naming the part that cannot travel */
  encodeResult(value: unknown): EncodedValue;
}

/** A function that sees nothing that was captured. */
export class PlainProgram implements Program {
  readonly asks: boolean;
  readonly #bound: Bound;

  constructor(fn: Callable, asks: boolean) {
    this.asks = asks;
    this.#bound = {
      fn,
      decodeArguments: (kind, bytes) => decodeValue(kind, bytes) as unknown[],
      encodeResult: (value) => encodeValue(value, "result"),
    };
  }

  bind(): Bound {
    return this.#bound;
  }
}

/** Most captures that a program remembers, of those that tasks may share. */
const MOST_SHARED = 100;

/** Functions and classes from their texts, and what they see. */
export class FunctionsProgram implements Program {
  readonly asks: boolean;
  readonly #supplies: Supplies;
  readonly #shared = new Lru<string, Bound>(MOST_SHARED);
  #plain: Bound | undefined;

  /** @param modules what the code's module references name, imported */
  constructor(code: FunctionsCode, modules: readonly unknown[]) {
    this.asks = code.asks;
    const texts = code.texts.map((text) => new CompiledText(text, helperOf));
    this.#supplies = {
      texts,
      modules,
      helper: (name) => helperOf(name as never, undefined),
      reference: (url, name) => task(url, name),
      requireOf,
      placeOf,
    };
  }

  bind(captured: Captured | undefined): Bound {
    if (captured === undefined) {
      this.#plain ??= new PlainProgram(
        this.#supplies.texts[0]?.make(undefined, []).value as Callable,
        this.asks,
      ).bind();
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

  #link({ bytes }: Captured): Bound {
    const extension = new Linker(this.#supplies);
    const { value, objects } = decodeGraph(bytes, extension);
    const [fn, rows] = value as [
      Callable,
      readonly (readonly [string, object, RegisteredType["pack"], RegisteredType["unpack"]])[],
    ];
    const types = Types.of(rows.map(([name, prototype, pack, unpack]) => ({ name, prototype, pack, unpack })));
    return {
      fn,
      decodeArguments: (kind, body) => decodeValue(kind, body, { extension, known: objects, types }) as unknown[],
      encodeResult: (result) => encodeValue(result, "result", { types }),
    };
  }
}
