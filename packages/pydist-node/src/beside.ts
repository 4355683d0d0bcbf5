import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The path of a module of a package that builds on this one, and so is no dependency of it: beside this one, beside the
 * program or the command as it was called (what a link leads to may be elsewhere), or for the folder in which it is called.
 * Undefined if it is not installed there.
 *
 * @param specifier `PACKAGE` or `PACKAGE/module`
 */
export function findBeside(specifier: string): string | undefined {
  const here = dirname(fileURLToPath(import.meta.url));
  const paths = [here, dirname(process.argv[1] ?? here), process.cwd()];
  try {
    return createRequire(import.meta.url).resolve(specifier, { paths });
  } catch {
    return undefined;
  }
}
