import { createSocket } from "node:dgram";
import { once } from "node:events";
import { encode } from "dns-packet";
import { type Announcement, makeRoot } from "../../packages/discovery/dist/announcement.js";
import { bandOf } from "../../packages/discovery/dist/band.js";
import {
  announcementsIn,
  isQuestion,
  makeAnnouncement,
  makeQuestion,
  type Told,
} from "../../packages/discovery/dist/packets.js";
import { Radio } from "../../packages/discovery/dist/radio.js";
import { opened } from "../support/opened.js";

/** A tree that began before all others, if one believes it. */
export function made(id: string, address: string, changes: Partial<Announcement> = {}): Announcement {
  const root = makeRoot("first", 1, "10.0.0.1:9000");
  return { id, name: id, cluster: "default", version: "0.1.0", address, root, ...changes };
}

/** What everybody on this file's LAN can do who holds no secret: listen to what is announced, and announce anything. */
export class Ether {
  readonly told: Told[] = [];
  readonly #waiting = new Set<() => void>();

  /** @param from the machine that it seems to be: any loopback address */
  static async open(from = "127.0.0.2"): Promise<Ether> {
    const { group, port } = bandOf(process.env);
    const mouth = createSocket({ type: "udp4", reuseAddr: true });
    mouth.bind({ address: from, port });
    await once(mouth, "listening");
    mouth.setMulticastInterface("127.0.0.1");
    const ether = new Ether((bytes) => new Promise((resolve) => mouth.send(bytes, port, group, () => resolve())));
    const radio = await Radio.open((packet) => {
      if (isQuestion(packet)) ether.#onQuestion();
      ether.#hear(announcementsIn(packet));
    });
    opened({
      async close() {
        radio.close();
        mouth.close();
      },
    });
    return ether;
  }

  #onQuestion = (): void => {};
  /** Resolves when somebody has asked who is there. */
  readonly asked = new Promise<void>((resolve) => {
    this.#onQuestion = resolve;
  });

  readonly send: (bytes: Uint8Array) => Promise<void>;

  private constructor(send: (bytes: Uint8Array) => Promise<void>) {
    this.send = send;
  }

  announce(announcement: Announcement, ttl = 120): Promise<void> {
    return this.send(encode(makeAnnouncement(announcement, ttl)));
  }

  ask(): Promise<void> {
    return this.send(encode(makeQuestion()));
  }

  #hear(told: readonly Told[]): void {
    this.told.push(...told);
    for (const look of this.#waiting) look();
  }

  /** Resolves with the first that fits, past or to come. */
  heard(fits: (told: Told) => boolean): Promise<Told> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.told.find(fits);
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
