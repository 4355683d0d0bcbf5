export { formatAddress, parseAddress } from "./address.js";
export { type DialOptions, dial } from "./dial.js";
export { type DialUntilOptions, dialUntil } from "./dial-until.js";
export type { Verdict } from "./greeter.js";
export type { Hello, HelloInput } from "./hello.js";
export type { LinkLike } from "./link-like.js";
export { type Listener, type ListenOptions, listen } from "./listener.js";
export { memoryLinks } from "./memory.js";
export { defaultSecretFile, resolveSecret, writeSecret } from "./secret.js";
