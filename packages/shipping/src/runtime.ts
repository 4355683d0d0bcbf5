// The side that runs functions, without the parser that the side that ships them needs.
export { type Callable, sha256 } from "./code.js";
export { CodeCache, type LoadOptions, load } from "./load.js";
