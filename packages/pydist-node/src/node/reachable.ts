import { createSocket } from "node:dgram";
import { once } from "node:events";
import { hostname, networkInterfaces } from "node:os";
import { type Address, formatAddress, isWildcard, located, plainHost } from "../links/address.js";
import type { LinkLike } from "../links/index.js";

/** An address that is nobody's (RFC 5737): what this machine would send there goes by its default route. */
const ELSEWHERE = "192.0.2.1";

/**
 * By which address others reach what listens here. Bound to one address, that is the one; bound to all of the machine's,
 * it differs from peer to peer: each is told the one at which the two reach each other already.
 */
export class Reachable {
  readonly #listening: Address;
  /** Of this machine, for whoever has no link here yet. */
  readonly #host: string;

  /** @param host what `outsideHost` gives for where it listens */
  constructor(listening: Address, host: string) {
    this.#listening = listening;
    this.#host = host;
  }

  /** `host:port` where it listens. */
  get listening(): string {
    return formatAddress(this.#listening);
  }

  /** `host:port` for the peer at the other end of a link, or without one for whoever may come. */
  to(link?: Pick<LinkLike, "localHost">): string {
    return located(this.listening, link?.localHost || this.#host);
  }
}

/**
 * What others may know this machine by, if something listens there: of all its addresses, the one with which it goes out by
 * default; else any that is not its own loopback; else its name.
 */
export async function outsideHost(listening: string): Promise<string> {
  if (!isWildcard(listening)) return listening;
  const socket = createSocket("udp4");
  try {
    // Nothing is sent: the system only looks up by which interface it would go.
    socket.connect(9, ELSEWHERE);
    await once(socket, "connect");
    return socket.address().address;
  } catch {
    const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const outside = all.find(({ internal, family }) => !internal && family === "IPv4");
    return plainHost(outside?.address ?? hostname());
  } finally {
    socket.close();
  }
}
