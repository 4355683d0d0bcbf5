import type { Callable, FunctionText, Helper } from "../code.js";
import { closing, opening, textUrl } from "../wrapping.js";
import { evaluate } from "./evaluate.js";

/** A function or class that was made from its text and whose slots are still empty. */
export type Made = [
  /** The function; of a class, what defines it: call it once, when its early slots are filled. */
  value: unknown,
  fill: Fill,
];

/** Gives a slot its value. */
export type Fill = (slot: number, value: unknown) => void;

type Maker = (this: unknown) => Made;

/** A text, compiled once; each call of `make` is another function with variables of its own. */
export class CompiledText {
  readonly text: FunctionText;
  readonly #maker: Maker;

  /** @param helpers gives the value of each helper that the text names */
  constructor(text: FunctionText, helpers: (helper: Helper) => unknown) {
    this.text = text;
    const outer = evaluate(`${opening(text)}${text.source}${closing(text)}`, textUrl(text)) as Callable;
    this.#maker = outer(...Object.values(text.helpers).map(helpers)) as Maker;
  }

  /** @param self the `this` that an arrow sees around it */
  make(self: unknown): Made {
    const made = this.#maker.call(self);
    const { form } = this.text;
    if (form === "class") return made;
    const fn = (form === "expression" ? made[0] : onlyMember(made[0] as object, form)) as Callable;
    // Only a class can inherit it, or have another kind of it.
    made[0] = fn.name === this.text.name ? fn : this.named(fn);
    return made;
  }

  named<F extends { readonly name: string }>(fn: F): F {
    const { name } = this.text;
    // A class may have a static member of that name.
    const own = Object.getOwnPropertyDescriptor(fn, "name");
    const isOther = own === undefined ? name !== "" : own.writable === false && own.value !== name;
    if (isOther) Object.defineProperty(fn, "name", { value: name, configurable: true });
    return fn;
  }
}

function onlyMember(object: object, form: "method" | "accessor"): unknown {
  const [key] = Reflect.ownKeys(object);
  const descriptor = key === undefined ? undefined : Object.getOwnPropertyDescriptor(object, key);
  return form === "method" ? descriptor?.value : (descriptor?.get ?? descriptor?.set);
}
