import { posix } from "node:path";
import type { CodeRoot } from "../code.js";
import { Lru } from "../lru.js";
import { localPath } from "./module-path.js";

/** A folder that was brought here. */
export interface Copy {
  /** The folder at the sender, as a `file:` URL with a slash at its end. */
  readonly from: string;
  /** The code directory that it is, if it is one. */
  readonly root?: CodeRoot | undefined;
}

/** Copies that this thread has run, by their folders here. */
const copies = new Lru<string, Copy>(100);

/** @param to the folder here, as a `file:` URL with a slash at its end */
export function noteCopy(to: string, copy: Copy): void {
  copies.set(to, copy);
}

/** How the sender of a code directory names a module in the copy of it that this thread runs. */
export function senderUrl(url: string): { readonly url: string; readonly root: CodeRoot } | undefined {
  for (const [to, { from, root }] of copies.entries()) {
    if (root !== undefined && url.startsWith(to)) return { url: from + url.slice(to.length), root };
  }
  return undefined;
}

/** The same text with the sender's names for files in copies, both as URLs and as paths. */
export function namedAtSender(text: string): string {
  let named = text;
  for (const [to, { from, root }] of copies.entries()) {
    named = renamed(named, to, from);
    // What a source map beside the folder's own files leads to: nothing else of the cache lies there.
    if (root !== undefined) named = renamed(named, posix.join(to, "../"), new URL("..", from).href);
  }
  return named;
}

function renamed(text: string, to: string, from: string): string {
  const there = localPath(from) ?? from;
  return text.replaceAll(to, () => from).replaceAll(localPath(to) ?? to, () => there);
}
