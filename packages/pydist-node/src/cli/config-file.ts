import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "./exit-codes.js";

export const CONFIG_FILE = "pydist.config.json";

export interface ConfigFile {
  readonly path: string;
  /** Parsed, but its keys and values not looked at. */
  readonly content: Readonly<Record<string, unknown>>;
}

/**
 * Reads pydist.config.json in this folder, and in no other: what a node does should not depend on folders above it.
 * @throws UsageError if it is there and cannot be used
 */
export function readConfigFile(folder: string): ConfigFile | undefined {
  const path = join(folder, CONFIG_FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new UsageError(`${path} cannot be read (${code}). Make it readable, or remove it.`);
  }
  let content: unknown;
  try {
    // Some editors write a byte order mark, which JSON does not know.
    content = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    // The parser's message quotes the file, line ends included.
    const reason = (error as Error).message.replace(/\s+/g, " ");
    throw new UsageError(`${path} is not valid JSON: ${reason}. Correct it, or remove it.`);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new UsageError(`${path} has to hold an object, such as { "port": 9000 }.`);
  }
  return { path, content: content as Record<string, unknown> };
}
