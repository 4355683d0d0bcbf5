/** Where a file stands in a tree that mirrors absolute paths: `file:///C:/x/y.mjs` at `C/x/y.mjs`. */
export function modulePath(url: string): string {
  return decodeURIComponent(new URL(url).pathname)
    .slice(1)
    .replace(/^([A-Za-z]):/, "$1");
}
