import type { SourceCode } from "./code.js";

/** What stands before a function's text where it is compiled: on its first line, so that lines need no correction. */
export function opening({ helpers, strict, form }: SourceCode): string {
  return `(function(${Object.keys(helpers).join(",")}){${strict ? '"use strict";' : ""}return ${form === "method" ? "({" : "("}`;
}

export function closing({ form }: SourceCode): string {
  return form === "method" ? "\n})})" : "\n)})";
}

/** How stacks name the text of a function. */
export function textUrl(name: string, hash: string): string {
  return `pydist:///${encodeURIComponent(name) || "anonymous"}-${hash.slice(0, 8)}.js`;
}
