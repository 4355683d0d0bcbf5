import { fileURLToPath } from "node:url";

/** The path that a `file:` URL has on this system; undefined for one of another system. */
export function localPath(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

/** Where a file stands in a tree that mirrors absolute paths: `file:///C:/x/y.mjs` at `C/x/y.mjs`. */
export function modulePath(url: string): string {
  return decodeURIComponent(new URL(url).pathname)
    .slice(1)
    .replace(/^([A-Za-z]):/, "$1");
}
