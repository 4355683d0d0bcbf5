export { decodeValue, encodeArguments, encodeValue } from "./codec.js";
export { registerErrorClass } from "./error-classes.js";
export { decodeFailure, encodeFailure, type Remote } from "./failure.js";
export { type EncodedValue, Kind } from "./kind.js";
export { joinSteps, memberStep } from "./path.js";
export { isPlain } from "./plain.js";
