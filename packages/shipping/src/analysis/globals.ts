// The global names of a bare Node, in a worker thread: kept by hand, because `globalThis` of the sender may have more.
// A test compares the list with the Node it runs on.

const language = `
  AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView
  Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity
  Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError
  Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError Temporal TypeError URIError
  Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly decodeURI
  decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined
  unescape`;

const node = `
  AbortController AbortSignal Blob BroadcastChannel Buffer ByteLengthQueuingStrategy CloseEvent CompressionStream
  CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException DecompressionStream ErrorEvent Event EventTarget File
  FormData Headers MessageChannel MessageEvent MessagePort Navigator Performance PerformanceEntry PerformanceMark
  PerformanceMeasure PerformanceObserver PerformanceObserverEntryList PerformanceResourceTiming QuotaExceededError
  ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest
  ReadableStreamDefaultController ReadableStreamDefaultReader Request Response Storage SubtleCrypto TextDecoder
  TextDecoderStream TextEncoder TextEncoderStream TransformStream TransformStreamDefaultController URL URLPattern
  URLSearchParams WebSocket WritableStream WritableStreamDefaultController WritableStreamDefaultWriter atob btoa
  clearImmediate clearInterval clearTimeout console crypto fetch global localStorage navigator performance process
  queueMicrotask sessionStorage setImmediate setInterval setTimeout structuredClone`;

const ofLanguage: ReadonlySet<string> = new Set(language.trim().split(/\s+/));
const standard: ReadonlySet<string> = new Set([...ofLanguage, ...node.trim().split(/\s+/)]);

/** Whether a global is the language's: then V8 made it, and no JavaScript. */
export function isLanguageGlobal(name: string): boolean {
  return ofLanguage.has(name);
}

/** Whether a name means the same in a bare worker thread of Node as here. */
export function isStandardGlobal(name: string): boolean {
  return standard.has(name);
}

const moduleNames = ["require", "module", "exports", "__filename", "__dirname"] as const;

/** The names that CommonJS puts around a module: they look global and belong to the file. */
export function isModuleName(name: string): name is (typeof moduleNames)[number] {
  return (moduleNames as readonly string[]).includes(name);
}

export function isFileName(name: string): boolean {
  return name === "__filename" || name === "__dirname";
}
