import type { Debugger, Runtime, Session } from "node:inspector";
import type { Script } from "./scripts.js";

/** There is no inspector to look with: the reason is a clause for a message. */
export class InspectorUnavailable extends Error {
  override readonly name = "InspectorUnavailable";
  readonly reason: string;

  constructor(reason: string, cause?: unknown) {
    super(`Node's inspector cannot be used: ${reason}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** A value as the inspector names it. */
export type Remote = Runtime.RemoteObject;

interface Box {
  in: unknown;
}

const mark = Symbol.for("pydist.inspected");
const group = "pydist";
/** So many values are named before all names are given up: what has one is not collected. */
const MOST_NAMED = 500;

let current: Inspection | undefined;

/**
 * Looks at what JavaScript itself hides, through Node's inspector and without a port. All in it is synchronous, and ends
 * with it: while a session is connected, V8 keeps what is logged to the console, and awaiting is slow while it tells of
 * scripts. Calls inside others share the session.
 * @throws InspectorUnavailable where there is no inspector, or the permission model forbids it.
 */
export function inspect<T>(use: (inspection: Inspection) => T): T {
  if (current !== undefined) return use(current);
  const inspection = new Inspection(connected());
  current = inspection;
  try {
    return use(inspection);
  } finally {
    current = undefined;
    inspection.end();
  }
}

function connected(): Session {
  const inspector = process.getBuiltinModule("node:inspector");
  if (inspector === undefined) throw new InspectorUnavailable("this Node is built without it");
  try {
    const session = new inspector.Session();
    session.connect();
    return session;
  } catch (error) {
    throw new InspectorUnavailable(reasonOf(error as NodeJS.ErrnoException), error);
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code !== "ERR_ACCESS_DENIED") return message;
  const flag = "--allow-inspector";
  const remedy = process.allowedNodeEnvironmentFlags.has(flag) ? `; ${flag} allows it` : "";
  return `the permission model forbids it${remedy}`;
}

/** A connected session. Values go in and out through one object that both sides hold. */
export class Inspection {
  readonly #session: Session;
  readonly #box: Box;
  #out: unknown;
  #boxId: string | undefined;
  #named = 0;
  #scripts: Map<string, Script> | undefined;
  #run: () => void = () => {};

  constructor(session: Session) {
    this.#session = session;
    // Only what goes in is its own property, for every own property is told, with its text, whenever one is.
    const ways = {
      take: (out: unknown) => {
        this.#out = out;
      },
      run: () => this.#run(),
    };
    this.#box = Object.assign(Object.create(ways) as object, { in: undefined });
  }

  /** @throws what the inspector complains of, and where it does not answer at once. */
  post<T>(method: string, params: object = {}): T {
    let answer: { readonly error: Error | null; readonly result: unknown } | undefined;
    this.#session.post(method, params, (error, result?: unknown) => {
      answer = { error, result };
    });
    if (answer === undefined) throw new Error(`${method} did not answer`);
    if (answer.error !== null) throw answer.error;
    return answer.result as T;
  }

  /** The inspector's name of an object or a function, good until the next one is named. */
  idOf(value: object): string {
    if (this.#named >= MOST_NAMED) this.#forget();
    this.#named++;
    this.#boxId ??= this.#nameBox();
    this.#box.in = value;
    try {
      const { result } = this.#properties(this.#boxId);
      const id = result.find(({ name }) => name === "in")?.value?.objectId;
      if (id === undefined) throw new Error("Runtime.getProperties named no object");
      return id;
    } finally {
      this.#box.in = undefined;
    }
  }

  /** What is known of an object or a function besides its ordinary properties. Runs nothing of the user's. */
  partsOf(value: object): Runtime.GetPropertiesReturnType {
    return this.#properties(this.idOf(value));
  }

  /** What V8 keeps of an object behind names such as `[[Scopes]]`. */
  internalsOf(value: object): (name: string) => Remote | undefined {
    const { internalProperties = [] } = this.partsOf(value);
    return (wanted) => internalProperties.find(({ name }) => name === wanted)?.value as Remote | undefined;
  }

  /** The values that the inspector named, themselves and not copies. */
  valuesOf(remotes: readonly (Remote | undefined)[]): unknown[] {
    try {
      const { exceptionDetails } = this.post<Runtime.CallFunctionOnReturnType>("Runtime.callFunctionOn", {
        objectId: this.#boxId,
        functionDeclaration: "function (...values) { this.take(values); }",
        arguments: remotes.map(argumentOf),
        silent: true,
        returnByValue: true,
      });
      if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
      return this.#out as unknown[];
    } finally {
      this.#out = undefined;
    }
  }

  /** Calls from a place where the inspector can end what runs. Whether it was ended is not told. */
  runEndable(call: () => void): void {
    this.#run = call;
    try {
      // Ended or not, it answers; a time limit makes it doubly sure that the end is the end of this call only.
      this.#withMark(() =>
        this.#session.post("Runtime.evaluate", { expression: `${boxExpression}.run()`, silent: true, timeout: 1000 }),
      );
    } finally {
      this.#run = () => {};
    }
  }

  /** Ends what runs inside {@link runEndable}, as soon as the inspector lets it go on. */
  endRunning(): void {
    this.#session.post("Runtime.terminateExecution");
  }

  /** Every script there is. From now on breakpoints are possible, too. Takes milliseconds, the first time tens of them. */
  debug(): ReadonlyMap<string, Script> {
    if (this.#scripts !== undefined) return this.#scripts;
    const scripts = new Map<string, Script>();
    this.#scripts = scripts;
    // It stays for the scripts that come while the session lasts.
    this.#session.on("Debugger.scriptParsed", ({ params }: { params: Debugger.ScriptParsedEventDataType }) => {
      const { scriptId, url, sourceMapURL = "", isModule = false, startLine, startColumn } = params;
      scripts.set(scriptId, { url, sourceMapUrl: sourceMapURL, isModule, line: startLine, column: startColumn });
    });
    this.post("Debugger.enable");
    return scripts;
  }

  end(): void {
    try {
      this.post("Runtime.releaseObjectGroup", { objectGroup: group });
      if (this.#scripts !== undefined) this.post("Debugger.disable");
    } finally {
      this.#session.disconnect();
    }
  }

  #properties(objectId: string): Runtime.GetPropertiesReturnType {
    return this.post("Runtime.getProperties", { objectId, ownProperties: true, nonIndexedPropertiesOnly: true });
  }

  #nameBox(): string {
    const { result } = this.#withMark(() =>
      this.post<Runtime.EvaluateReturnType>("Runtime.evaluate", { expression: boxExpression, objectGroup: group }),
    );
    if (result.objectId === undefined) throw new Error("Runtime.evaluate named no object");
    return result.objectId;
  }

  #forget(): void {
    this.post("Runtime.releaseObjectGroup", { objectGroup: group });
    this.#boxId = undefined;
    this.#named = 0;
  }

  // On `process`, because the inspector evaluates in the main context, whose globalThis may not be the one here.
  #withMark<T>(use: () => T): T {
    Object.defineProperty(process, mark, { value: this.#box, configurable: true });
    try {
      return use();
    } finally {
      Reflect.deleteProperty(process, mark);
    }
  }
}

const boxExpression = 'globalThis.process[Symbol.for("pydist.inspected")]';

function argumentOf(remote: Remote | undefined): Runtime.CallArgument {
  if (remote?.objectId !== undefined) return { objectId: remote.objectId };
  if (remote?.unserializableValue !== undefined) return { unserializableValue: remote.unserializableValue };
  // Without a value it is undefined.
  return remote === undefined || remote.type === "undefined" ? {} : { value: remote.value };
}
