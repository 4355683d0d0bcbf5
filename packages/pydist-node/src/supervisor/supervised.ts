/** What a node process is told by the one that watches it, through its environment. */
export interface Supervision {
  /** The process that the user started. */
  readonly pid: number;
  /** What an earlier process of this node was: the tree and its children find it again. Absent the first time. */
  readonly before?: Ready;
}

/** What survives a restart. */
export interface Ready {
  readonly id: string;
  readonly port: number;
}

/** What a node process tells the one that watches it. */
export type Report = { readonly is: "ready"; readonly ready: Ready } | { readonly is: "beat" };

/** Signals that ask a node to leave. */
export const LEAVING_SIGNALS = ["SIGINT", "SIGTERM"] as const;
export type LeavingSignal = (typeof LEAVING_SIGNALS)[number];

/** What the one that watches a node process asks it for: everything that it knows, on its stderr; or to leave. */
export type Request = { readonly is: "dump" } | { readonly is: "leave"; readonly signal: LeavingSignal };

const VARIABLE = "PYDIST_SUPERVISION";

/** Milliseconds between two signs that the event loop of a node goes round. */
export const BEAT_INTERVAL = 1000;

export function supervisionVariable(supervision: Supervision): Readonly<Record<string, string>> {
  return { [VARIABLE]: JSON.stringify(supervision) };
}

/** The watched side: tells that it lives, and does not outlive its supervisor. */
export class Supervised {
  readonly supervision: Supervision;

  private constructor(supervision: Supervision) {
    this.supervision = supervision;
    // When the process that the user started dies, of whatever, the node must not stay behind unseen.
    const orphaned = () => process.exit(1);
    process.once("disconnect", orphaned);
    // ... also if that was while this process was being loaded.
    if (!process.connected) orphaned();
    process.channel?.unref();
    setInterval(() => this.#report({ is: "beat" }), BEAT_INTERVAL).unref();
  }

  /** Undefined in a process that nobody watches. Processes that tasks start are not watched by this one's supervisor. */
  static here(): Supervised | undefined {
    const text = process.env[VARIABLE];
    delete process.env[VARIABLE];
    return text === undefined || process.send === undefined
      ? undefined
      : new Supervised(JSON.parse(text) as Supervision);
  }

  ready(ready: Ready): void {
    this.#report({ is: "ready", ready });
  }

  /** What was asked for before anybody listened is not lost. */
  onDump(dump: () => void): void {
    process.on("message", (request: Request) => {
      if (request.is === "dump") dump();
    });
  }

  /**
   * The supervisor's word alone counts: batch systems and service managers send a signal to every process that they find,
   * and the same one a second time would stop at once what was to leave in order.
   * @returns what ends that
   */
  onLeave(leave: (signal: LeavingSignal) => void): () => void {
    const ignore = (): void => {};
    for (const signal of LEAVING_SIGNALS) process.on(signal, ignore);
    const listen = (request: Request): void => {
      if (request.is === "leave") leave(request.signal);
    };
    process.on("message", listen);
    return () => {
      process.off("message", listen);
      for (const signal of LEAVING_SIGNALS) process.off(signal, ignore);
    };
  }

  #report(report: Report): void {
    // Once the supervisor is gone, "disconnect" says so.
    process.send?.(report, undefined, {}, () => {});
  }
}
