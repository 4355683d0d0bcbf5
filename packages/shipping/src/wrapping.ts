import { codeHash, type FunctionText } from "./code.js";

const memberForms: ReadonlySet<FunctionText["form"]> = new Set(["method", "accessor"]);

/**
 * What stands before a text where it is compiled: on its first line, so that lines need no correction. Compiled, it is a
 * function of the helpers that gives a maker; called with the `this` that an arrow sees around it, that
 * gives the function (for a class: what defines it, once its first slots are filled) and what fills a slot.
 */
export function opening({ helpers, strict, slots, form }: FunctionText): string {
  const variables = slots.length === 0 ? "" : `let ${slots.join(",")};`;
  const mode = strict ? '"use strict";' : "";
  const inner = form === "class" ? "function(){return(" : memberForms.has(form) ? "({" : "(";
  return `(function(${Object.keys(helpers).join(",")}){${mode}return function(){${variables}return[${inner}`;
}

export function closing({ slots, form }: FunctionText): string {
  const inner = form === "class" ? ")}" : memberForms.has(form) ? "})" : ")";
  // No parameter of its own could be named without hiding a slot of that name.
  const cases = slots.map((slot, i) => `case ${i}:${slot}=arguments[1];break;`);
  return `\n${inner},function(){switch(arguments[0]){${cases.join("")}}}]}})`;
}

/** An arrow in a loop comes with the same text each time, and hashing it is half of what shipping it takes. */
const urls = new WeakMap<FunctionText, string>();

/** How stacks name a text. */
export function textUrl(text: FunctionText): string {
  let url = urls.get(text);
  if (url === undefined) {
    url = `pydist:///${encodeURIComponent(text.name) || "anonymous"}-${codeHash(text).slice(0, 8)}.js`;
    urls.set(text, url);
  }
  return url;
}
