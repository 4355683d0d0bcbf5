import { decodeGraph, decodeValue, encodeValue, type RegisteredType, Types } from "@pydist/protocol";
import type { Callable, FunctionsCode } from "../code.js";
import { Lru } from "../lru.js";
import { task } from "../task.js";
import { CompiledText } from "./compiled-text.js";
import { helperOf, placeOf } from "./helpers.js";
import { Linker, type Supplies } from "./linker.js";
import { requireOf } from "./modules.js";
import { type Bound, type CapturedHere, type Program, programOf } from "./program.js";

/** Most captures that a program remembers, of those that tasks may share. */
const MOST_SHARED = 100;

/** Functions and classes from their texts, and what they see. */
export class FunctionsProgram implements Program {
  readonly context: Program["context"];
  readonly #supplies: Supplies;
  readonly #shared = new Lru<string, Bound>(MOST_SHARED);
  #plain: Bound | undefined;

  /** @param modules what the code's module references name, imported */
  constructor(code: FunctionsCode, modules: readonly unknown[]) {
    this.context = code.asks ? "wanted" : "unwanted";
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

  bind(captured: CapturedHere | undefined): Bound {
    if (captured === undefined) {
      const fn = this.#supplies.texts[0]?.make(undefined, []).value as Callable;
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

  #link({ bytes }: CapturedHere): Bound {
    const extension = new Linker(this.#supplies);
    const { value, objects } = decodeGraph(bytes, extension);
    const [fn, rows, hasWeak] = value as [
      Callable,
      readonly (readonly [string, object, RegisteredType["pack"], RegisteredType["unpack"]])[],
      boolean,
    ];
    const types = Types.of(rows.map(([name, prototype, pack, unpack]) => ({ name, prototype, pack, unpack })));
    return {
      fn,
      decodeArguments: (kind, body) => {
        const args = decodeValue(kind, body, { extension, known: objects, types }) as unknown[];
        // Behind the arguments lie the entries of weak collections that they are the keys of.
        if (hasWeak) fillWeak(args.pop() as readonly unknown[]);
        return args;
      },
      encodeResult: (result) => encodeValue(result, "result", { types }),
    };
  }
}

function fillWeak(entries: readonly unknown[]): void {
  for (let i = 0; i < entries.length; i += 3) {
    const [collection, key, value] = entries.slice(i, i + 3) as [WeakMap<object, unknown>, object, unknown];
    if (collection instanceof WeakMap) collection.set(key, value);
    else (collection as WeakSet<object>).add(key);
  }
}
