import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { scanDirectory } from "@pydist/shipping";
import type { ExecutorOptions } from "./options.js";

/**
 * The directory that is kept on every node, by its absolute path. Read once now, so that one that cannot travel fails when
 * the executor is made and not in each task.
 * @throws ShippingError
 */
export function codeDirOf({ codeDir }: ExecutorOptions): string | undefined {
  if (codeDir === undefined) return undefined;
  const text = String(codeDir);
  const path = text.startsWith("file:") ? fileURLToPath(text) : resolve(text);
  scanDirectory(path);
  return path;
}
