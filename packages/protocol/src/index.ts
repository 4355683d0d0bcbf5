export * from "./bodies.js";
export * from "./errors.js";
export * from "./file-part.js";
export * from "./frames.js";
export * from "./outflow.js";
export * from "./output.js";
export * from "./values/index.js";
