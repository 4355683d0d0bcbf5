import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError } from "@pydist/protocol";
import { isLoopback, type Resolve } from "pydist-node";
import type { Announcement } from "./announcement.js";
import { announcementsIn, isQuestion, makeQuestion, type Told } from "./packets.js";
import { Questions } from "./questions.js";
import { Radio } from "./radio.js";
import { Sightings } from "./sightings.js";

/** Milliseconds after the first answer in which another one may come that is better. */
const MORE_ANSWERS = 150;
/** Names of other clusters that are told. */
const MOST_OTHERS = 8;

/** Where the roots of the cluster's trees are, as this network tells: the earliest first, and then whatever else is heard. */
export const resolve: Resolve = async function* ({ cluster, timeout, signal }) {
  signal?.throwIfAborted();
  const over = new AbortController();
  const giveUp = (): void => over.abort();
  signal?.addEventListener("abort", giveUp, { once: true });
  let timer: NodeJS.Timeout | undefined;
  const ears = new Ears(cluster);
  let radio: Radio | undefined;
  const questions = new Questions(() => void radio?.say(makeQuestion));
  const places = new Set<string>();
  try {
    radio = await Radio.open((packet, source) => {
      if (isQuestion(packet)) ears.askers.add(source);
      ears.hear(announcementsIn(packet), source);
    });
    questions.start();
    // It keeps a program running that waits for nothing else. What has come is heard before the time is over.
    timer = setTimeout(() => setImmediate(giveUp), timeout);
    if (await ears.news(over.signal)) await sleep(MORE_ANSWERS);
    do {
      for (let place = ears.next(); place !== undefined; place = ears.next()) {
        if (!places.has(place)) yield place;
        places.add(place);
        if (over.signal.aborted) break;
      }
    } while (await ears.news(over.signal));
    signal?.throwIfAborted();
    if (places.size === 0) throw nobody(cluster, timeout, radio.places, ears);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
    questions.stop();
    radio?.close();
  }
};

/** What is heard of a cluster. */
class Ears {
  /** Names of clusters that are there, too. */
  readonly others = new Set<string>();
  /** Who has asked: this machine too, for what it says to all comes back to it. */
  readonly askers = new Set<string>();
  readonly #cluster: string;
  readonly #sightings = new Sightings();
  readonly #events = new EventEmitter();

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  hear(told: readonly Told[], source: string): void {
    for (const { announcement, ttl } of told) {
      if (announcement.cluster === this.#cluster) {
        this.#sightings.hear(announcement, ttl, source, performance.now());
        this.#events.emit("news");
      } else if (this.others.size < MOST_OTHERS) this.others.add(announcement.cluster);
    }
  }

  /** Where the root is of a tree of which nobody was told yet; again only if it is another one by then. */
  next(): string | undefined {
    const found = this.#sightings.next(() => true, performance.now());
    if (found === undefined) return undefined;
    this.#sightings.refused(found);
    return rootAddress(found.announcement);
  }

  /** Resolves when something is heard of the cluster; false if it is over before that. */
  async news(over: AbortSignal): Promise<boolean> {
    try {
      await once(this.#events, "news", { signal: over });
      return true;
    } catch {
      return false;
    }
  }
}

/** A program wants the whole tree: its root, also where another node speaks for it. */
function rootAddress({ id, address, root }: Announcement): string {
  return id === root.id ? address : root.address;
}

function nobody(
  cluster: string,
  timeout: number,
  places: readonly string[],
  { others, askers }: Pick<Ears, "others" | "askers">,
): ConnectionError {
  const names = [...others].sort().map((name) => JSON.stringify(name));
  const outside = places.filter((place) => !isLoopback(place));
  const silence =
    places.length === 0 || (outside.length > 0 ? outside : places).some((place) => askers.has(place))
      ? "nobody answered"
      : "not even this machine's own question came back, so a firewall may keep multicast UDP from it";
  const instead = names.length === 0 ? silence : `there are other clusters: ${names.join(", ")}`;
  const where =
    places.length === 0 ? "no network, since no interface of this machine can multicast" : places.join(", ");
  return new ConnectionError(
    `No node of the cluster "${cluster}" was found within ${Math.round(timeout)} ms by multicast DNS (_pydist._tcp) on ` +
      `${where}; ${instead}. Start one with pydist-node spawn --discover --host 0.0.0.0 and the same --cluster, ` +
      "or give an address, host:port.",
    { address: "discover:" },
  );
}
