import { realpathSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Code, type CodeRoot, codeText, parseCode, type ShippedCode, sha256 } from "../code.js";
import type { LocalTree } from "./local-tree.js";
import { rememberTree } from "./provider.js";
import { scanDirectory } from "./scan-directory.js";

/** Code, and the tree that it is bound to, if it is. */
export interface BoundCode {
  readonly code: ShippedCode;
  /** Its hash. */
  readonly tree: string | undefined;
}

const shipped = new WeakMap<ShippedCode, { readonly version: string; readonly bound: BoundCode }>();

/**
 * The same code, bound to the present version of a directory that is kept on every node, if it lies in there. Costs
 * nothing to speak of when called again within one turn of the event loop.
 * @throws ShippingError if the directory cannot travel
 */
export function withCodeDir(code: ShippedCode, directory: string): BoundCode {
  const tree = scanDirectory(directory);
  rememberTree(tree);
  const before = shipped.get(code);
  if (before?.version === tree.hash) return before.bound;
  const bound = bind(code, tree, directory);
  shipped.set(code, { version: tree.hash, bound });
  return bound;
}

function bind(code: ShippedCode, tree: LocalTree, directory: string): BoundCode {
  const parsed = parseCode(code.text);
  // Modules know themselves by their real place.
  const root = { from: pathToFileURL(realpathSync(directory) + sep).href, tree: tree.hash };
  const changed = boundTo(root, parsed, tree);
  if (changed === undefined) return { code, tree: undefined };
  const text = codeText(changed);
  return { code: { ...code, hash: sha256(text), text }, tree: tree.hash };
}

/** Code that names files of a directory, with the directory; undefined for any other. */
function boundTo(root: CodeRoot, code: Code, tree: LocalTree): Code | undefined {
  if (code.kind === "global") return undefined;
  if (code.kind === "functions") {
    return code.texts.some(({ url }) => url?.startsWith(root.from)) ? { ...code, root } : undefined;
  }
  const path = pathIn(root, code.url);
  const file = tree.files.find((each) => each.path === path);
  return file && { ...code, sha256: file.sha256, root };
}

/** Where a module stands in the tree of its directory; undefined if it lies elsewhere. */
function pathIn({ from }: CodeRoot, url: string): string | undefined {
  if (url.startsWith(from)) return decodeURIComponent(url.slice(from.length));
  try {
    // It was named by a link.
    const real = pathToFileURL(realpathSync(fileURLToPath(url))).href;
    return real.startsWith(from) ? decodeURIComponent(real.slice(from.length)) : undefined;
  } catch {
    return undefined;
  }
}
