import {
  type Bodies,
  BodiesBuilder,
  bodyAt,
  CHANNEL_WINDOW,
  type ChannelNote,
  decodeValue,
  encodeValue,
  Intake,
  InvalidStateError,
  kindAt,
  Outflow,
  packBodies,
  type Types,
  unpackBodies,
  weightOf,
} from "@pydist/protocol";

interface Receiver {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A running task's end of the channel to whoever submitted it. */
export class TaskChannel {
  readonly #say: (note: ChannelNote, bodies?: Bodies) => void;
  readonly #types: Types | undefined;
  readonly #in = new Intake(CHANNEL_WINDOW, (bytes) => this.#say({ kind: "taken", bytes }));
  readonly #out = new Outflow(CHANNEL_WINDOW);
  readonly #arrived: Bodies[] = [];
  readonly #receivers: Receiver[] = [];
  #state: "quiet" | "listening" = "quiet";
  #end: { readonly error: unknown } | undefined;

  /** @param types what the task itself was sent with */
  constructor(say: (note: ChannelNote, bodies?: Bodies) => void, types: Types | undefined) {
    this.#say = say;
    this.#types = types;
  }

  async send(value: unknown): Promise<void> {
    const bodies = this.#encoded(value);
    await this.#out.send(weightOf(bodies), () => this.#say({ kind: "message" }, bodies));
  }

  async receive(): Promise<unknown> {
    if (this.#end !== undefined) throw this.#end.error;
    if (this.#state === "quiet") {
      this.#state = "listening";
      this.#say({ kind: "taken", bytes: 0 });
    }
    const bodies = this.#arrived.shift();
    if (bodies !== undefined) return this.#take(bodies);
    return await new Promise((resolve, reject) => this.#receivers.push({ resolve, reject }));
  }

  #take(bodies: Bodies): unknown {
    this.#in.took(weightOf(bodies));
    return this.#decoded(bodies);
  }

  told(note: ChannelNote, bodies: Bodies | undefined): void {
    if (note.kind === "taken") return this.#out.taken(note.bytes);
    if (bodies === undefined || this.#end !== undefined) return;
    const receiver = this.#receivers.shift();
    if (receiver === undefined) return void this.#arrived.push(bodies);
    try {
      receiver.resolve(this.#take(bodies));
    } catch (error) {
      receiver.reject(error);
    }
  }

  encode(value: unknown): Uint8Array<ArrayBuffer> {
    return packBodies(this.#encoded(value));
  }

  decode(bytes: Uint8Array): unknown {
    return this.#decoded(unpackBodies(bytes));
  }

  #encoded(value: unknown): Bodies {
    const builder = new BodiesBuilder();
    builder.add(encodeValue(value, "message", { types: this.#types }));
    return builder.build();
  }

  #decoded(bodies: Bodies): unknown {
    return decodeValue(kindAt(bodies, 0), bodyAt(bodies, 0), { types: this.#types });
  }

  /** The task is to stop, or is over: whoever waits hears why. */
  close(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#arrived.length = 0;
    this.#out.close(error);
    for (const { reject } of this.#receivers.splice(0)) reject(error);
  }
}

export function overError(task: string): InvalidStateError {
  return new InvalidStateError(
    `Task "${task}" is over, so it sends and receives nothing more. Await every send before the function returns.`,
  );
}
