import { ConnectionError, CycleError, ShutdownError } from "@pydist/protocol";
import type { Accompany, Guide, Guided } from "pydist-node";
import { type Announcement, isEarlier, type Root, rootOf } from "./announcement.js";
import { Herald } from "./herald.js";
import { announcementsIn, isQuestion, makeQuestion } from "./packets.js";
import { Questions } from "./questions.js";
import { Radio } from "./radio.js";
import { Sightings } from "./sightings.js";

/** Milliseconds in which whoever is there has answered the first question. */
const FIRST_ANSWERS = 1200;

/**
 * Leads a node to its tree: announces it, and has it join if it is a root and hears of a tree of its cluster whose root is
 * earlier. So of any number of nodes that start at once, and of trees that had lost sight of each other, one tree remains.
 */
class NodeGuide implements Guide {
  readonly settled: Promise<void>;
  readonly #guided: Guided;
  readonly #radio: Radio;
  readonly #herald: Herald;
  readonly #sightings = new Sightings();
  readonly #questions: Questions;
  #wake: NodeJS.Timeout | undefined;
  #settle: () => void = () => {};
  /** Whether those who are there have had the time to answer. */
  #heardOut: "not yet" | "yes" = "not yet";
  #state: "listening" | "joining" | "closed" = "listening";

  constructor(guided: Guided, radio: Radio) {
    this.#guided = guided;
    this.#radio = radio;
    const { id, name, cluster, version, logger } = guided;
    const describe = () => {
      const way = guided.way();
      return way === undefined ? undefined : { id, name, cluster, version, root: rootOf(way) };
    };
    this.#herald = new Herald(radio, guided, describe, (other) => this.#sightings.has(other));
    this.#questions = new Questions((pause) => {
      logger.debug({ cluster, places: radio.places, pause }, "Asking for a tree to join");
      void radio.say(makeQuestion);
    });
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (guided.join === undefined) this.#settle();
    else setTimeout(() => this.#listened(), FIRST_ANSWERS);
    this.moved();
  }

  #listened(): void {
    this.#heardOut = "yes";
    if (this.#state !== "joining") this.#settle();
  }

  /** Of this node, if it may join another: it is a root, and was not told where to be. */
  #ownTree(): Root | undefined {
    const way = this.#guided.way();
    return this.#guided.join !== undefined && way?.length === 1 ? rootOf(way) : undefined;
  }

  moved(): void {
    if (this.#state === "closed") return;
    this.#herald.moved();
    if (this.#ownTree() === undefined) this.#questions.stop();
    else this.#questions.start();
    this.#consider();
  }

  asked(): void {
    this.#herald.asked();
  }

  heard(announcement: Announcement, ttl: number, source: string): void {
    const { id, cluster } = this.#guided;
    // Nodes of other clusters are left alone: nothing of them is even remembered.
    if (announcement.id === id || announcement.cluster !== cluster) return;
    this.#herald.heard(announcement);
    this.#sightings.hear(announcement, ttl, source, performance.now());
    this.#consider();
  }

  /** Joins a tree that is earlier, if one is known and its time has come. */
  #consider(): void {
    clearTimeout(this.#wake);
    const own = this.#ownTree();
    if (this.#state !== "listening" || own === undefined) return;
    const wanted = ({ root }: Announcement): boolean => root.id !== own.id && isEarlier(root, own);
    const now = performance.now();
    const found = this.#sightings.next(wanted, now);
    if (found !== undefined) {
      void this.#follow(found);
      return;
    }
    const pause = this.#sightings.due(wanted) - now;
    if (pause < Number.POSITIVE_INFINITY) this.#wake = setTimeout(() => this.#consider(), pause).unref();
  }

  async #follow(found: { readonly source: string; readonly announcement: Announcement }): Promise<void> {
    const { join, logger } = this.#guided;
    const { name, address } = found.announcement;
    this.#state = "joining";
    try {
      await join?.(address);
      this.#settle();
    } catch (error) {
      if (this.#isClosed()) return;
      const { message: cause } = error as Error;
      if (error instanceof ConnectionError || error instanceof CycleError || error instanceof ShutdownError) {
        logger.debug({ name, address, cause }, "A tree that was announced cannot be joined");
        this.#sightings.failed(found, performance.now());
      } else {
        logger.warn({ name, address, cause }, "A tree of this cluster does not let this node in");
        this.#sightings.refused(found);
      }
    }
    if (this.#isClosed()) return;
    this.#state = "listening";
    if (this.#heardOut === "yes") this.#settle();
    this.moved();
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#wake);
    this.#questions.stop();
    this.#settle();
    await this.#herald.close();
    this.#radio.close();
  }
}

/** Announces a node, and leads it to its tree. @throws ConnectionError if nothing can be heard on this machine */
export const accompany: Accompany = async (guided) => {
  let guide: NodeGuide | undefined;
  const radio = await Radio.open((packet, source) => {
    if (isQuestion(packet)) guide?.asked();
    for (const { announcement, ttl } of announcementsIn(packet)) guide?.heard(announcement, ttl, source);
  });
  guide = new NodeGuide(guided, radio);
  return guide;
};
