// As they were when this module was loaded: a program may put its own in their place, which must neither run nor answer.
const { toString: text } = Function.prototype;
const { apply } = Reflect;

/** The text of a function, as the engine has it. */
export function functionSource(fn: unknown): string {
  return apply(text, fn, []);
}
