import { pathToFileURL } from "node:url";
import { findBeside } from "../beside.js";
import { formatAddress, parseAddress } from "./address.js";

/*
 * The extension point of addresses. `discover:` and what stands behind it is no place but a way to find some: a package
 * beside this one knows it, and exports a `resolve` of this kind.
 */

export interface ResolveOptions {
  readonly cluster: string;
  /** Milliseconds. */
  readonly timeout: number;
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where nodes are, as `host:port`, the best first, and others as they are found, until the time is over.
 * @throws ConnectionError if none are found in time, worth another attempt
 */
export type Resolve = (options: ResolveOptions) => AsyncIterable<string>;

const PACKAGES: Readonly<Record<string, string>> = { discover: "@pydist/discovery" };

/** An address that has to be resolved. */
export interface Named {
  readonly package: string;
  /** The text behind the scheme, that of the whole cluster's name; "" for the cluster that is meant anyhow. */
  readonly cluster: string;
}

/** Undefined for an address that can be dialled as it is. What a number follows is a host's name with its port. */
export function readScheme(text: string): Named | undefined {
  const [, scheme = "", cluster = ""] = /^\s*([a-z]+):(?!\d+\s*$)(.*?)\s*$/.exec(text) ?? [];
  return Object.hasOwn(PACKAGES, scheme) ? { package: PACKAGES[scheme] as string, cluster } : undefined;
}

/**
 * An address in its usual form, or one with a scheme whose package is installed.
 * @throws TypeError or RangeError saying what is wrong with it
 */
export function checkAddress(text: string): string {
  const named = readScheme(text);
  if (named === undefined) return formatAddress(parseAddress(text));
  pathOf(named, text);
  return text.trim();
}

function pathOf({ package: from }: Named, text: string): string {
  return findBeside(from, "", `Addresses such as "${text.trim()}" need`);
}

/** @throws ConnectionError if nobody is found; TypeError if the package is not installed */
export async function* resolveNamed(named: Named, text: string, options: ResolveOptions): AsyncIterable<string> {
  const { resolve } = (await import(pathToFileURL(pathOf(named, text)).href)) as { readonly resolve: Resolve };
  yield* resolve(options);
}
