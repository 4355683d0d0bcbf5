import type { Debugger, Runtime, Session } from "node:inspector";
import type { TaskFunction } from "../task.js";

/** A script as V8 runs it: of a compiler's output, that output. */
export interface Script {
  /** As stacks name it: a `file:` URL, a path, or the empty string where nobody gave it a name. */
  readonly url: string;
  readonly sourceMapUrl: string;
  /** Where V8 begins to count, both from 0. */
  readonly line: number;
  readonly column: number;
}

/** Where a function begins: at its parameters or earlier. */
export interface Location {
  readonly scriptId: string;
  /** Counted as the script says. */
  readonly line: number;
  readonly column: number;
}

type Post = <T>(method: string, params?: object) => T;

/** What one look through the inspector offers. All of it answers synchronously. */
export interface Look {
  locationOf(fn: TaskFunction): Location | undefined;
  /** Every script there is. Takes tens of milliseconds, a fifth of a second in a large program. */
  scripts(): ReadonlyMap<string, Script>;
  /** Its text. Only after `scripts`. */
  textOf(scriptId: string): string;
}

const box = Symbol.for("pydist.inspected");

/**
 * Looks at functions through Node's inspector, without a port. The session ends with the look: while one is connected,
 * V8 keeps what is logged to the console, and awaiting is slow while scripts are told of.
 * @throws where there is no inspector, or the permission model forbids it.
 */
export function look<T>(use: (look: Look) => T): T {
  const session: Session = new (process.getBuiltinModule("node:inspector").Session)();
  session.connect();
  try {
    const post = poster(session);
    let scripts: ReadonlyMap<string, Script> | undefined;
    return use({
      locationOf: (fn) => locationOf(fn, post),
      scripts: () => {
        scripts ??= scriptsOf(session, post);
        return scripts;
      },
      textOf: (scriptId) =>
        post<Debugger.GetScriptSourceReturnType>("Debugger.getScriptSource", { scriptId }).scriptSource,
    });
  } finally {
    session.disconnect();
  }
}

function poster(session: Session): Post {
  return <T>(method: string, params: object = {}) => {
    let answer: { readonly error: Error | null; readonly result: unknown } | undefined;
    session.post(method, params, (error, result?: unknown) => {
      answer = { error, result };
    });
    if (answer === undefined) throw new Error(`${method} did not answer`);
    if (answer.error !== null) throw answer.error;
    return answer.result as T;
  };
}

function locationOf(fn: TaskFunction, post: Post): Location | undefined {
  // On `process`, because the inspector evaluates in the main context, whose globalThis may not be the one here.
  const holder = process as unknown as Record<symbol, unknown>;
  holder[box] = fn;
  try {
    const { result } = post<Runtime.EvaluateReturnType>("Runtime.evaluate", {
      expression: 'process[Symbol.for("pydist.inspected")]',
      objectGroup: "pydist",
    });
    const { internalProperties = [] } = post<Runtime.GetPropertiesReturnType>("Runtime.getProperties", {
      objectId: result.objectId,
      ownProperties: true,
    });
    const found = internalProperties.find(({ name }) => name === "[[FunctionLocation]]");
    const value = found?.value?.value as { scriptId: string; lineNumber: number; columnNumber: number } | undefined;
    return value && { scriptId: value.scriptId, line: value.lineNumber, column: value.columnNumber };
  } finally {
    delete holder[box];
    post("Runtime.releaseObjectGroup", { objectGroup: "pydist" });
  }
}

function scriptsOf(session: Session, post: Post): ReadonlyMap<string, Script> {
  const scripts = new Map<string, Script>();
  const note = ({ params }: { params: Debugger.ScriptParsedEventDataType }): void => {
    const { url, sourceMapURL = "", startLine, startColumn } = params;
    scripts.set(params.scriptId, { url, sourceMapUrl: sourceMapURL, line: startLine, column: startColumn });
  };
  session.on("Debugger.scriptParsed", note);
  post("Debugger.enable");
  session.off("Debugger.scriptParsed", note);
  return scripts;
}
