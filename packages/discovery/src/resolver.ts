import { ConnectionError } from "@pydist/protocol";
import type { Resolve } from "pydist-node";
import type { Announcement } from "./announcement.js";
import { announcementsIn, makeQuestion } from "./packets.js";
import { Questions } from "./questions.js";
import { Radio } from "./radio.js";
import { Sightings } from "./sightings.js";

/** Milliseconds after the first answer in which another one may come that is better. */
const MORE_ANSWERS = 150;
/** Places that are worth an attempt. */
const MOST_PLACES = 8;
/** Names of other clusters that are told. */
const MOST_OTHERS = 8;

/** Where the roots of the cluster's trees are, as this network tells. */
export const resolve: Resolve = async ({ cluster, timeout, signal }) => {
  signal?.throwIfAborted();
  const sightings = new Sightings();
  const others = new Set<string>();
  let heard = (): void => {};
  const radio = await Radio.open((packet, source) => {
    for (const { announcement, ttl } of announcementsIn(packet)) {
      if (announcement.cluster === cluster) {
        sightings.hear(announcement, ttl, source, performance.now());
        heard();
      } else if (others.size < MOST_OTHERS) others.add(announcement.cluster);
    }
  });
  const questions = new Questions(() => void radio.say(makeQuestion));
  try {
    const found = await new Promise<string[]>((done, fail) => {
      let timer = setTimeout(() => done([]), timeout);
      const gather = (): void => {
        heard = () => {};
        clearTimeout(timer);
        timer = setTimeout(() => done(placesOf(sightings)), Math.min(MORE_ANSWERS, timeout));
      };
      heard = () => {
        if (placesOf(sightings).length > 0) gather();
      };
      signal?.addEventListener(
        "abort",
        () => {
          clearTimeout(timer);
          fail(signal.reason);
        },
        { once: true },
      );
      questions.start();
    });
    if (found.length > 0) return found;
    throw nobody(cluster, timeout, radio.places, others);
  } finally {
    questions.stop();
    radio.close();
  }
};

/** A program wants the whole tree: its root, also where another node speaks for it. */
function placesOf(sightings: Sightings): string[] {
  const all = sightings.all(() => true, performance.now());
  const addresses = all.map(({ announcement }) => rootAddress(announcement));
  return [...new Set(addresses)].slice(0, MOST_PLACES);
}

function rootAddress({ id, address, root }: Announcement): string {
  return id === root.id ? address : root.address;
}

function nobody(
  cluster: string,
  timeout: number,
  places: readonly string[],
  others: ReadonlySet<string>,
): ConnectionError {
  const instead =
    others.size === 0
      ? "nobody answered"
      : `there are other clusters: ${[...others]
          .sort()
          .map((name) => JSON.stringify(name))
          .join(", ")}`;
  const where = places.length === 0 ? "no network: no interface of this machine can multicast" : places.join(", ");
  return new ConnectionError(
    `No node of the cluster "${cluster}" was found within ${Math.round(timeout)} ms by multicast DNS (_pydist._tcp) on ${where}; ${instead}. ` +
      `Start one with pydist-node spawn --discover --host 0.0.0.0 and the same --cluster, or give an address, host:port.`,
    { address: "discover:" },
  );
}
