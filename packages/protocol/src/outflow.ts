import type { Bodies } from "./bodies.js";

/** Bytes of messages that one end of a channel may have under way until the other takes them. */
export const CHANNEL_WINDOW = 4 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly leave: () => void;
  readonly left: () => void;
  readonly dropped: (error: unknown) => void;
}

/**
 * Lets messages leave in order, as long as what is under way fits into a window; one that is larger than that travels
 * alone. So whoever awaits each `send` never has more waiting here than one message.
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
      if (this.#underWay > 0 && this.#underWay + next.bytes > this.#window) return;
      this.#waiting.shift();
      this.#underWay += next.bytes;
      next.leave();
      next.left();
    }
  }
}

/** Bytes that every message takes beside its own. */
const OVERHEAD = 256;

/** What a message counts in a window. */
export function weightOf({ bytes }: Bodies): number {
  return bytes.length + OVERHEAD;
}
