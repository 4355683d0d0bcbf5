export { accompany } from "./guide.js";
export { resolve } from "./resolver.js";
