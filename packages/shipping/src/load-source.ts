import { Script } from "node:vm";
import type { Callable, Helper, SourceCode } from "./code.js";
import { currentContext, markAsking } from "./context.js";
import { importOnNode } from "./import-on-node.js";
import { closing, opening, textUrl } from "./wrapping.js";

// One for all functions of a thread: none can leave anything in it for the next.
const task = Object.freeze({ context: currentContext });

const helpers: Readonly<Record<Exclude<Helper, "import">, unknown>> = {
  name: (fn: object, name: string) => Object.defineProperty(fn, "name", { value: name, configurable: true }),
  task,
  pydist: Object.freeze({ task }),
};

/**
 * Compiles a function from its text. It sees globals and the helpers of its code, nothing of ours; lines in stack
 * traces count from its first, under `pydist:///name-hash.js`.
 */
export function loadSource(code: SourceCode, hash: string, node: string): Callable {
  const text = `${opening(code)}${code.source}${closing(code)}`;
  const make = evaluate(text, textUrl(code.name, hash)) as Callable;
  const supply = (helper: Helper): unknown =>
    helper === "import" ? importOnNode(code.packages ?? [], node) : helpers[helper];
  const made = make(...Object.values(code.helpers).map(supply));
  const fn = code.form === "method" ? onlyMember(made as object) : made;
  if ((fn as Callable).name !== code.name) {
    Object.defineProperty(fn, "name", { value: code.name, configurable: true });
  }
  // What it imports may ask as well.
  if (Object.values(code.helpers).some((helper) => helper !== "name")) markAsking(fn as Callable);
  return fn as Callable;
}

function onlyMember(object: object): unknown {
  const [key] = Reflect.ownKeys(object);
  return key === undefined ? undefined : Reflect.get(object, key);
}

// Evaluated text leaves almost nothing behind when it is dropped; a Script keeps 0.4 KB in the compilation cache until
// memory is short, but works where code generation from strings is forbidden.
function evaluate(text: string, url: string): unknown {
  if (!mayEvaluate) return new Script(text, { filename: url }).runInThisContext();
  return indirectEval(`${text}\n//# sourceURL=${url}`);
}

// By another name than its own it sees globals only.
// biome-ignore lint/security/noGlobalEval: running the text of a shipped function is what this module is for
const indirectEval = eval;

const mayEvaluate = canEvaluate();

function canEvaluate(): boolean {
  try {
    return indirectEval("true") === true;
  } catch {
    return false;
  }
}
