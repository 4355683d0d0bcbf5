import type { BatchHeader } from "@pydist/protocol";
import { Lru } from "@pydist/shipping/runtime";
import type { Given, Texts } from "./messages.js";

/** Most contents that are remembered to be there. */
const MOST = 1000;
/** Where bytes are part of more memory than this beyond them, it is they alone that are copied to the thread. */
const MOST_SURPLUS = 4096;

/** What a thread is likely to have: it forgets by its own rules, and says so. */
export class Known {
  readonly #keys = new Lru<string, true>(MOST);

  /** What of a run's texts the thread may lack. Captured values may be large: they are there from now on, for all its runs. */
  lacking(head: BatchHeader, { code, initializer, captured }: Texts): Given {
    const given = {
      code: this.#has(head.code) ? undefined : code,
      initializer: this.#has(initializerKey(head)) ? undefined : initializer,
      captured: captured === undefined || this.#has(capturedKey(head)) ? undefined : alone(captured),
    };
    if (given.captured !== undefined) this.#keys.set(capturedKey(head), true);
    return given;
  }

  /** A run has had what it needed. */
  learnt(head: BatchHeader): void {
    this.#keys.set(head.code, true);
    if (head.initializer !== undefined) this.#keys.set(initializerKey(head), true);
  }

  /** It said that it lacks these. */
  forget(head: BatchHeader, lacking: readonly (keyof Texts)[]): void {
    const keys = { code: head.code, initializer: initializerKey(head), captured: capturedKey(head) };
    for (const each of lacking) this.#keys.delete(keys[each]);
  }

  #has(key: string): boolean {
    return this.#keys.get(key) === true;
  }

  clear(): void {
    this.#keys.clear();
  }
}

/** A thread runs it for each executor. */
function initializerKey({ executor, initializer }: BatchHeader): string {
  return `${executor} ${initializer}`;
}

function capturedKey({ captured }: BatchHeader): string {
  return `captured ${captured?.hash}`;
}

/** A message to a thread takes along all the memory that bytes are a part of. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength - bytes.length > MOST_SURPLUS ? bytes.slice() : bytes;
}
