import type { Content } from "@pydist/futures";
import { type Bodies, BodiesBuilder, Kind, type UpNote } from "@pydist/protocol";

/** Most bytes of captured values that an owner is left with although no batch needs them now; the last in any case. */
const MOST_IDLE_BYTES = 64 * 1024 * 1024;

interface Belonging {
  readonly content: Content["content"];
  /** How many open batches name it. */
  users: number;
  /** Whether the task's owner has it, too. */
  place: "here" | "with the owner";
}

/** What the batches of a task name by hash. Captured values go to the task's owner once, and stay there while they may be needed. */
export class Belongings {
  readonly #say: (note: UpNote, bodies: Bodies | undefined) => void;
  readonly #all = new Map<string, Belonging>();
  /** Bytes that the owner has, and no open batch names. */
  #idleBytes = 0;

  constructor(say: (note: UpNote, bodies: Bodies | undefined) => void) {
    this.#say = say;
  }

  keep({ hash, content }: Content): void {
    const known = this.#all.get(hash);
    if (known === undefined) return void this.#all.set(hash, { content, users: 1, place: "here" });
    if (known.users++ === 0) this.#idleBytes -= known.content.length;
  }

  letGo(hash: string): void {
    const known = this.#all.get(hash);
    if (known === undefined || --known.users > 0) return;
    this.#all.delete(hash);
    if (known.place === "here") return;
    // Behind those that have been idle for longer.
    this.#all.set(hash, known);
    this.#idleBytes += known.content.length;
    for (const [stalest, { users, content }] of this.#all) {
      if (this.#idleBytes <= MOST_IDLE_BYTES || stalest === hash) return;
      if (users > 0) continue;
      this.#all.delete(stalest);
      this.#idleBytes -= content.length;
      this.#say({ kind: "forget", hash: stalest }, undefined);
    }
  }

  textOf(hash: string): string {
    return String(this.#all.get(hash)?.content);
  }

  /** The owner is about to be told of a batch that names these captured values. */
  bring(hash: string): void {
    const known = this.#all.get(hash);
    if (known === undefined || known.place === "with the owner" || typeof known.content === "string") return;
    known.place = "with the owner";
    const builder = new BodiesBuilder();
    builder.add({ kind: Kind.Rich, text: undefined, bytes: known.content });
    this.#say({ kind: "captured", hash }, builder.build());
  }
}
