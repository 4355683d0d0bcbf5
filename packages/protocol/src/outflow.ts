import type { Bodies } from "./bodies.js";

/** Bytes of messages that one end of a channel may have under way until the other takes them. */
export const CHANNEL_WINDOW = 4 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly leave: () => void;
  readonly left: () => void;
  readonly dropped: (error: unknown) => void;
}

/** What was taken is told when it comes to this part of the window: each message would cost another one otherwise. */
const UNTOLD = 1 / 4;

/**
 * Lets messages leave in order, as long as what is under way fits into a window, or so little is that it may have been
 * taken: then a message leaves however large it is. So whoever awaits each `send` never has more than one waiting here.
 */
export class Outflow {
  readonly #waiting: Waiting[] = [];
  #window: number;
  #underWay = 0;
  #end: { readonly error: unknown } | undefined;

  /** @param window bytes; 0 until the other end is ready, which `open` says */
  constructor(window: number) {
    this.#window = window;
  }

  open(window: number): void {
    this.#window = window;
    this.#flow();
  }

  /** Resolves when the message has left. Rejects with what it was closed with, if it was before. */
  send(bytes: number, leave: () => void): Promise<void> {
    return new Promise((left, dropped) => {
      if (this.#end !== undefined) return dropped(this.#end.error);
      this.#waiting.push({ bytes, leave, left, dropped });
      this.#flow();
    });
  }

  /** The other end has taken so many bytes. */
  taken(bytes: number): void {
    this.#underWay -= bytes;
    this.#flow();
  }

  /** Nobody takes anything any more: what has not left is dropped, and so is all that comes after. */
  close(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const { dropped } of this.#waiting.splice(0)) dropped(error);
  }

  #flow(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || this.#window === 0) return;
      if (this.#underWay >= this.#window * UNTOLD && this.#underWay + next.bytes > this.#window) return;
      this.#waiting.shift();
      this.#underWay += next.bytes;
      next.leave();
      next.left();
    }
  }
}

/** The other end of an `Outflow`: tells what was taken, now and then. */
export class Intake {
  readonly #window: number;
  readonly #tell: (bytes: number) => void;
  #untold = 0;

  constructor(window: number, tell: (bytes: number) => void) {
    this.#window = window;
    this.#tell = tell;
  }

  took(bytes: number): void {
    this.#untold += bytes;
    if (this.#untold < this.#window * UNTOLD) return;
    this.#tell(this.#untold);
    this.#untold = 0;
  }
}

/** Bytes that every message takes beside its own. */
const OVERHEAD = 256;

/** What a message counts in a window. */
export function weightOf({ bytes }: Bodies): number {
  return bytes.length + OVERHEAD;
}
