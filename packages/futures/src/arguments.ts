import type { Future } from "./future.js";
import type { AnyIterable } from "./map-source.js";
import type { SubmitOptions } from "./options.js";

// biome-ignore lint/suspicious/noExplicitAny: only `any` accepts every function's parameters.
export type AnyFunction = (...args: any[]) => unknown;

/** An argument, or a future in its place; or one inside it, if it is an array or a plain object. */
export type Given<T> = T | Future<T> | (T extends object ? Inside<T> : never);

/** What has methods is no plain object. */
type Inside<T extends object> = T extends
  | AnyFunction
  | Date
  | RegExp
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  ? never
  : { readonly [K in keyof T]: Given<T[K]> };

/** Arguments of a function, or futures in their places. */
export type GivenAll<P extends readonly unknown[]> = { readonly [K in keyof P]: Given<P[K]> };

/** `submit`'s arguments after the function: `args` may be left out only if the function can be called without any. */
export type SubmitRest<F extends AnyFunction> =
  [] extends Parameters<F>
    ? [args?: GivenAll<Parameters<F>>, options?: SubmitOptions]
    : [args: GivenAll<Parameters<F>>, options?: SubmitOptions];

/** What `map` takes its items from; futures may stand in their places. */
export type Items<T> = AnyIterable<T | Future<T>>;
