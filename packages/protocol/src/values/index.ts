export { decodeValue, encodeArguments, encodeValue } from "./codec.js";
export { registerErrorClass } from "./error-classes.js";
export type { AnyFunction, DecodeOptions, EncodeOptions, Extension, Extra, Parts } from "./extension.js";
export { decodeFailure, encodeFailure, type Remote } from "./failure.js";
export { functionSource } from "./function-source.js";
export { encodeGraph, type Graph } from "./graph.js";
export { type EncodedValue, Kind } from "./kind.js";
export { joinSteps, mapStep, memberStep } from "./path.js";
export { isPlain } from "./plain.js";
export { type GraphReader, openGraph } from "./reader.js";
export { registering } from "./refusal.js";
export { classNameOf, isError, type Shape, shapeOf, tagOf } from "./shapes.js";
export {
  hasRegisteredTypes,
  type RegisteredType,
  registeredTypes,
  registerType,
  type TypeDefinition,
  Types,
  typeOfInstance,
  typeOfName,
  typeOfPrototype,
} from "./types.js";
