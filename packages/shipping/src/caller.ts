import { fileURLToPath } from "node:url";

const ourPackages = fileURLToPath(new URL("../../", import.meta.url));
const ourFile = /^(?:pydist|pydist-node|protocol|scheduler|shipping|futures)[\\/](?:dist|src)[\\/]/;

/**
 * Where the user's code called: `file:line:column` of the first frame that is neither Node's, a package's nor ours.
 * Undefined when there is none, as after an await.
 */
export function callerLocation(): string | undefined {
  const caller = findCaller();
  return caller === undefined ? undefined : `${caller.file}:${caller.row}:${caller.column}`;
}

/** The file whose code called; undefined as well inside of a task, whose text lies in none. */
export function callerFile(): string | undefined {
  const file = findCaller()?.file;
  return file?.startsWith("pydist:") === true ? undefined : file;
}

function findCaller(): { readonly file: string; readonly row: string; readonly column: string } | undefined {
  for (const line of stackLines()) {
    const match = /(?:\(|at (?:async )?)((?:file:\/\/|pydist:\/\/|\/|[A-Za-z]:[\\/])[^()]*):(\d+):(\d+)\)?$/.exec(line);
    const [, place, row, column] = match ?? [];
    if (place === undefined || row === undefined || column === undefined) continue;
    // A path where source maps are followed, a URL where not.
    const file = filePath(place);
    if (/[\\/]node_modules[\\/]/.test(file)) continue;
    if (file.startsWith(ourPackages) && ourFile.test(file.slice(ourPackages.length))) continue;
    return { file, row, column };
  }
  return undefined;
}

function stackLines(): string[] {
  const limit = Error.stackTraceLimit;
  // The default of ten may end inside our own frames.
  Error.stackTraceLimit = 40;
  try {
    const { stack } = new Error("where");
    return typeof stack === "string" ? stack.split("\n").slice(1) : [];
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function filePath(place: string): string {
  if (!place.startsWith("file:")) return place;
  try {
    return fileURLToPath(place);
  } catch {
    return place;
  }
}
