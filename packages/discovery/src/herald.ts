import type { Announcement } from "./announcement.js";
import { makeAnnouncement } from "./packets.js";
import { addressAt, type Reach } from "./places.js";
import type { Radio } from "./radio.js";

/** Seconds that an announcement holds; who dies without a word is forgotten after that. */
const TTL = 120;
/** Milliseconds between two announcements at least, as multicast DNS has it, and before what may be lost is said again. */
const LEAST_PAUSE = 1000;
/** Milliseconds that the members of a tree leave to each other to answer first, after what they leave to a root that is heard. */
const MANNERS = { least: 20, most: 120 };

/** What a node announces, whatever the place; undefined while it has no tree to speak of. */
export type Body = Omit<Announcement, "address"> | undefined;

/** Speaks for one node: says what it is when that changes, and when somebody asks. */
export class Herald {
  readonly #radio: Radio;
  readonly #reach: Reach;
  readonly #describe: () => Body;
  /** Whether the node with this id is heard on this network. */
  readonly #hears: (id: string) => boolean;
  /** What was so when it was looked at last; what was said last, and others may still believe. */
  #known: Body;
  #said: Body;
  #last = Number.NEGATIVE_INFINITY;
  #timer: { readonly why: "asked" | "again"; readonly timer: NodeJS.Timeout } | undefined;
  #state: "open" | "closed" = "open";

  constructor(radio: Radio, reach: Reach, describe: () => Body, hears: (id: string) => boolean) {
    this.#radio = radio;
    this.#reach = reach;
    this.#describe = describe;
    this.#hears = hears;
  }

  /** The node's way up may have changed. */
  moved(): void {
    const body = this.#describe();
    if (this.#state === "closed" || JSON.stringify(body) === JSON.stringify(this.#known)) return;
    this.#known = body;
    // A tree is announced by its root. What else the node has said of itself is not so any more.
    const spokenFor = body === undefined || (!isRoot(body) && this.#hears(body.root.id));
    if (spokenFor) {
      this.#quiet();
      void this.#takeBack();
      return;
    }
    void this.#say(body);
    this.#later("again", LEAST_PAUSE);
  }

  asked(): void {
    const body = this.#describe();
    if (this.#state === "closed" || this.#timer !== undefined || body === undefined) return;
    const { least, most } = MANNERS;
    const toOthers = isRoot(body) ? 0 : least + Math.random() * (most - least);
    const toRoot = !isRoot(body) && this.#hears(body.root.id) ? LEAST_PAUSE : 0;
    this.#later("asked", Math.max(toOthers + toRoot, this.#last + LEAST_PAUSE - performance.now()));
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
      const body = this.#describe();
      if (body !== undefined) void this.#say(body);
    }, pause).unref();
    this.#timer = { why, timer };
  }

  #quiet(): void {
    clearTimeout(this.#timer?.timer);
    this.#timer = undefined;
  }

  #say(body: Omit<Announcement, "address">): Promise<void> {
    this.#said = body;
    this.#last = performance.now();
    return this.#broadcast(body, TTL);
  }

  /** Resolves when those who listen know that what was said is no longer so. */
  async #takeBack(): Promise<void> {
    const said = this.#said;
    this.#said = undefined;
    if (said !== undefined) await this.#broadcast(said, 0);
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
    await this.#takeBack();
  }
}

function isRoot({ id, root }: Omit<Announcement, "address">): boolean {
  return id === root.id;
}
