import { createRequire } from "node:module";
import type * as Acorn from "acorn";
import type * as EslintScope from "eslint-scope";

// Loaded when the first function is analysed: programs that submit only task() references, and worker threads that may
// submit but seldom do, need not wait the 10 ms that the two take. By require, because importing their many ESM files
// takes twice as long and is not synchronous, which `submit` is.
const require = createRequire(import.meta.url);
let loaded: { readonly acorn: typeof Acorn; readonly scope: typeof EslintScope } | undefined;

export function libraries(): { readonly acorn: typeof Acorn; readonly scope: typeof EslintScope } {
  loaded ??= { acorn: require("acorn") as typeof Acorn, scope: require("eslint-scope") as typeof EslintScope };
  return loaded;
}
