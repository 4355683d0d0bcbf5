import { fileURLToPath } from "node:url";

const ourPackages = fileURLToPath(new URL("../../", import.meta.url));
const ourFile = /^[\w-]+[\\/](?:dist|src)[\\/]/;

interface Caller {
  readonly file: string;
  readonly row: string;
  readonly column: string;
}

/**
 * Where the user's code called: `file:line:column` of the first frame that is neither Node's, a package's nor ours. Inside
 * of a task it may be a place in the task's text. Undefined when there is none, as after an await.
 */
export function callerLocation(): string | undefined {
  for (const { file, row, column } of callers()) return `${file}:${row}:${column}`;
  return undefined;
}

/** The file whose code called: the text of a task lies in none. */
export function callerFile(): string | undefined {
  for (const { file } of callers()) if (!file.startsWith("pydist:")) return file;
  return undefined;
}

function* callers(): Generator<Caller, void> {
  for (const line of stackLines()) {
    const match = /(?:\(|at (?:async )?)((?:file:\/\/|pydist:\/\/|\/|[A-Za-z]:[\\/])[^()]*):(\d+):(\d+)\)?$/.exec(line);
    const [, place, row, column] = match ?? [];
    if (place === undefined || row === undefined || column === undefined) continue;
    // A path where source maps are followed, a URL where not.
    const file = filePath(place);
    if (/[\\/]node_modules[\\/]/.test(file)) continue;
    if (file.startsWith(ourPackages) && ourFile.test(file.slice(ourPackages.length))) continue;
    yield { file, row, column };
  }
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
