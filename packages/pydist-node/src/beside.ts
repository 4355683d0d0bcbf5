import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The path of a module of a package that builds on this one, and so is no dependency of it: beside this one, beside the
 * program or the command as it was called (what a link leads to may be elsewhere), or for the folder in which it is called.
 *
 * @param module in the package, such as "/subcommand"; "" for the package itself
 * @param sentence what the error begins with
 * @throws TypeError if it is not installed there, with the command that installs it
 */
export function findBeside(from: string, module: string, sentence: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const paths = [here, dirname(process.argv[1] ?? here), process.cwd()];
  try {
    return createRequire(import.meta.url).resolve(`${from}${module}`, { paths });
  } catch {
    throw new TypeError(
      `${sentence} the package ${from}, which is not installed here. ` +
        `Install it: npm install ${from} (with --global if pydist-node is).`,
    );
  }
}
