import { inspect } from "node:util";
import {
  type Bodies,
  BodiesBuilder,
  CHANNEL_WINDOW,
  type ChannelNote,
  encodeValue,
  Intake,
  InvalidStateError,
  Outflow,
  type Types,
  weightOf,
} from "@pydist/protocol";
import { decodeMessage } from "./decoding.js";
import type { Sink } from "./sink.js";

/** Given each value that a running task sends. While its promise is open the next one waits, and the task in the end, too. */
export type MessageListener = (message: unknown) => unknown;

/** The way back to one execution of a task. */
export interface Way {
  /** Its name. */
  readonly call: string;
  tell(note: ChannelNote, bodies: Bodies | undefined): void;
}

/** Who takes what a task sends. */
export interface Hearer {
  readonly listener: MessageListener | undefined;
  readonly types: Types | undefined;
}

interface Arrived {
  readonly bodies: Bodies;
  readonly intake: Intake;
  readonly hearer: Hearer;
}

/** An execution of the task, and what was taken of it. */
interface Execution extends Way {
  readonly intake: Intake;
}

/** The submitter's end of the channel to a task. What was meant for an execution that was lost is not given to the next one. */
export class Channel {
  readonly #arrived: Arrived[] = [];
  #out = new Outflow(0);
  #way: Execution | undefined;
  #delivering: "now" | "not" = "not";

  /** Resolves when the value has left. @throws SerializationError; InvalidStateError once nobody takes it any more */
  async send(value: unknown): Promise<void> {
    const builder = new BodiesBuilder();
    builder.add(encodeValue(value, "message"));
    const bodies = builder.build();
    await this.#out.send(weightOf(bodies), () => this.#way?.tell({ kind: "message" }, bodies));
  }

  heard(note: ChannelNote, bodies: Bodies | undefined, way: Way, hearer: Hearer): void {
    const { intake } = this.#executionOf(way);
    if (note.kind === "message") {
      if (bodies === undefined) return;
      this.#arrived.push({ bodies, intake, hearer });
      if (this.#delivering === "not") void this.#deliver();
    } else if (note.bytes === 0) this.#out.open(CHANNEL_WINDOW);
    else this.#out.taken(note.bytes);
  }

  #executionOf(way: Way): Execution {
    if (this.#way?.call === way.call) return this.#way;
    this.lost();
    const intake = new Intake(CHANNEL_WINDOW, (bytes) => way.tell({ kind: "taken", bytes }, undefined));
    this.#way = { ...way, intake };
    return this.#way;
  }

  async #deliver(): Promise<void> {
    this.#delivering = "now";
    for (;;) {
      const next = this.#arrived.shift();
      if (next === undefined) break;
      const { bodies, intake, hearer } = next;
      const answer = hand(bodies, hearer);
      // Without a promise the next one need not wait for a turn.
      if (answer !== undefined) await answer;
      intake.took(weightOf(bodies));
    }
    this.#delivering = "not";
  }

  /** The execution is gone, and the task begins anew: what has not left was for nobody else. */
  lost(): void {
    if (this.#way === undefined) return;
    this.#way = undefined;
    const out = this.#out;
    this.#out = new Outflow(0);
    out.close(
      new InvalidStateError(
        "The task lost its node or thread and runs anew, so this message was not sent. Send it what it needs from the beginning.",
      ),
    );
  }

  /** The task is over. */
  close(state: string): void {
    this.#out.close(overError(state));
  }
}

export function overError(state: string): InvalidStateError {
  return new InvalidStateError(`The task is ${state}, so nobody takes what is sent to it. Send while it runs.`);
}

/** Leads what a task sends to whoever waits for it; what nobody takes makes room all the same. */
export function hear(
  sink: Pick<Sink, "heard">,
  index: number,
  note: ChannelNote,
  bodies: Bodies | undefined,
  way: Way,
): void {
  if (sink.heard !== undefined) return sink.heard(index, note, bodies, way);
  if (note.kind !== "message" || bodies === undefined) return;
  void hand(bodies, { listener: undefined, types: undefined });
  way.tell({ kind: "taken", bytes: weightOf(bodies) }, undefined);
}

let warned: "not yet" | "warned" = "not yet";

/** @returns a promise while the listener is busy with it */
function hand(bodies: Bodies, { listener, types }: Hearer): Promise<void> | undefined {
  if (listener === undefined) {
    if (warned === "not yet") warn("A task sent messages that nobody takes: give `submit` the option onMessage.");
    warned = "warned";
    return undefined;
  }
  try {
    const answer = listener(decodeMessage(bodies, types));
    if (!(answer instanceof Promise)) return undefined;
    return answer.then(
      () => {},
      (error) => warnOf(error),
    );
  } catch (error) {
    warnOf(error);
    return undefined;
  }
}

function warnOf(error: unknown): void {
  warn(`onMessage threw: ${inspect(error)}`);
}

function warn(text: string): void {
  process.emitWarning(text, "PydistWarning");
}
