import { createRequire } from "node:module";
import type * as Acorn from "acorn";

// Loaded when the first function is analysed: programs that submit only task() references, and worker threads that may
// submit but seldom do, need not wait the milliseconds that it takes. By require, because `submit` is synchronous.
const require = createRequire(import.meta.url);
let loaded: typeof Acorn | undefined;

export function acorn(): typeof Acorn {
  loaded ??= require("acorn") as typeof Acorn;
  return loaded;
}
