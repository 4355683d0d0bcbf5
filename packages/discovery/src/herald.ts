import type { Announcement } from "./announcement.js";
import { makeAnnouncement } from "./packets.js";
import { addressAt, type Reach } from "./places.js";
import type { Radio } from "./radio.js";

/** Seconds that an announcement holds; who dies without a word is forgotten after that. */
const TTL = 120;
/** Milliseconds between two announcements at least, as multicast DNS has it, and before what may be lost is said again. */
const LEAST_PAUSE = 1000;
/** Milliseconds that the members of a tree leave to its root, and then to each other, to answer first. */
const MANNERS = { least: 20, most: 120 };

/** What a node announces, whatever the place; undefined while it has no tree to speak of. */
export type Body = Omit<Announcement, "address"> | undefined;

/** Speaks for one node: says what it is when that changes, and when somebody asks. */
export class Herald {
  readonly #radio: Radio;
  readonly #reach: Reach;
  readonly #describe: () => Body;
  /** What was said last, which others may still believe. */
  #said: Body;
  #last = Number.NEGATIVE_INFINITY;
  #timer: { readonly why: "asked" | "again"; readonly timer: NodeJS.Timeout } | undefined;
  #state: "open" | "closed" = "open";

  constructor(radio: Radio, reach: Reach, describe: () => Body) {
    this.#radio = radio;
    this.#reach = reach;
    this.#describe = describe;
  }

  /** The node's way up may have changed. */
  moved(): void {
    if (this.#state === "closed" || JSON.stringify(this.#describe()) === JSON.stringify(this.#said)) return;
    void this.#say();
    this.#later("again", LEAST_PAUSE);
  }

  asked(): void {
    const body = this.#describe();
    if (this.#state === "closed" || this.#timer !== undefined || body === undefined) return;
    const { least, most } = MANNERS;
    const manners = isRoot(body) ? 0 : least + Math.random() * (most - least);
    this.#later("asked", Math.max(manners, this.#last + LEAST_PAUSE - performance.now()));
  }

  /** Another node of the same tree has answered for all of them. */
  heard(announcement: Announcement): void {
    const body = this.#describe();
    if (body === undefined || isRoot(body) || announcement.root.id !== body.root.id) return;
    if (this.#timer?.why === "asked") this.#quiet();
  }

  #later(why: "asked" | "again", pause: number): void {
    this.#quiet();
    const timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#say();
    }, pause).unref();
    this.#timer = { why, timer };
  }

  #quiet(): void {
    clearTimeout(this.#timer?.timer);
    this.#timer = undefined;
  }

  /** Says what is so; or takes back what is so no more. */
  #say(): Promise<void> {
    const body = this.#describe();
    const taken = body ?? this.#said;
    this.#said = body;
    this.#last = performance.now();
    return taken === undefined ? Promise.resolve() : this.#broadcast(taken, body === undefined ? 0 : TTL);
  }

  #broadcast(body: Omit<Announcement, "address">, ttl: number): Promise<void> {
    return this.#radio.say((place) => {
      const address = addressAt(place, this.#reach);
      return address === undefined ? undefined : makeAnnouncement({ ...body, address }, ttl);
    });
  }

  /** Resolves when the goodbye is said. */
  async close(): Promise<void> {
    this.#state = "closed";
    this.#quiet();
    if (this.#said !== undefined) await this.#broadcast(this.#said, 0);
  }
}

function isRoot({ id, root }: Omit<Announcement, "address">): boolean {
  return id === root.id;
}
