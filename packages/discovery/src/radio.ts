import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { ConnectionError } from "@pydist/protocol";
import { decode, encode, type Packet } from "dns-packet";
import { type Band, bandOf } from "./band.js";
import { type Place, placesHere } from "./places.js";

/** A packet that came, and the address of the machine that sent it. */
export type OnPacket = (packet: Packet, source: string) => void;

/**
 * Speaks and listens on all networks that this machine is on. One socket hears what comes from any of them; each has one to
 * speak, for what is said differs: the address at which this machine is found there.
 */
export class Radio {
  readonly #band: Band;
  readonly #ear: Socket;
  readonly #mouths = new Map<string, { readonly place: Place; readonly socket: Socket }>();
  readonly #joined = new Set<string>();
  #state: "open" | "closed" = "open";

  private constructor(band: Band, ear: Socket) {
    this.#band = band;
    this.#ear = ear;
  }

  /** @throws ConnectionError if this machine lets nobody listen there */
  static async open(onPacket: OnPacket, env: NodeJS.ProcessEnv = process.env): Promise<Radio> {
    const band = bandOf(env);
    const ear = createSocket({ type: "udp4", reuseAddr: true }).unref();
    ear.on("message", (bytes, { address }) => {
      const packet = decoded(bytes);
      if (packet !== undefined) onPacket(packet, address);
    });
    ear.bind({ port: band.port });
    try {
      await once(ear, "listening");
    } catch (error) {
      throw new ConnectionError(
        `To discover nodes, UDP port ${band.port} has to be listened at, and cannot (${(error as NodeJS.ErrnoException).code}). ` +
          "End what uses it alone, or give an address instead.",
        { cause: error },
      );
    }
    ear.on("error", () => {});
    const radio = new Radio(band, ear);
    await radio.#tune();
    return radio;
  }

  /** Where it speaks. */
  get places(): readonly string[] {
    return [...this.#mouths.keys()];
  }

  /** Networks come and go: a cable is plugged in, a laptop finds its Wi-Fi. */
  async #tune(): Promise<void> {
    const { group, only } = this.#band;
    const places = placesHere().filter(({ address }) => only === undefined || only.includes(address));
    for (const [address, { socket }] of this.#mouths) {
      if (!places.some((place) => place.address === address)) this.#silence(address, socket);
    }
    for (const { address } of places) {
      if (this.#joined.has(address)) continue;
      try {
        this.#ear.addMembership(group, address);
        this.#joined.add(address);
      } catch {
        // Not every interface can multicast.
      }
    }
    const fresh = places.filter(({ address }) => this.#joined.has(address) && !this.#mouths.has(address));
    await Promise.all(fresh.map((place) => this.#give(place)));
  }

  async #give(place: Place): Promise<void> {
    const socket = createSocket({ type: "udp4", reuseAddr: true }).unref();
    socket.bind({ address: place.address, port: this.#band.port });
    try {
      await once(socket, "listening");
      socket.setMulticastInterface(place.address);
      // So that those who hear it know that no router let it through.
      socket.setMulticastTTL(255);
    } catch {
      socket.close();
      return;
    }
    // Meanwhile all was over, or somebody else has found the network, too.
    if (this.#state === "closed" || this.#mouths.has(place.address)) {
      socket.close();
      return;
    }
    socket.on("error", () => this.#silence(place.address, socket));
    this.#mouths.set(place.address, { place, socket });
  }

  #silence(address: string, socket: Socket): void {
    if (this.#mouths.get(address)?.socket === socket) {
      this.#mouths.delete(address);
      socket.close();
    }
    if (!this.#joined.delete(address)) return;
    try {
      this.#ear.dropMembership(this.#band.group, address);
    } catch {
      // It went with its interface.
    }
  }

  /** Sends on every network what there is to say there. Nobody knows whether it arrives. */
  async say(wording: (place: Place) => Packet | undefined): Promise<void> {
    if (this.#state === "closed") return;
    await this.#tune();
    const sent = [...this.#mouths.values()].map(({ place, socket }) => {
      const packet = wording(place);
      if (packet === undefined) return undefined;
      return new Promise<void>((resolve) =>
        socket.send(encode(packet), this.#band.port, this.#band.group, () => resolve()),
      );
    });
    await Promise.all(sent);
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const { socket } of this.#mouths.values()) socket.close();
    this.#mouths.clear();
    this.#ear.close();
  }
}

function decoded(bytes: Buffer): Packet | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}
