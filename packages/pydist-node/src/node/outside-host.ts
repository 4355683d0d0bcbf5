import { createSocket } from "node:dgram";
import { once } from "node:events";
import { hostname, networkInterfaces } from "node:os";
import { isWildcard } from "../links/address.js";

/** An address that is nobody's (RFC 5737): what this machine would send there goes by its default route. */
const ELSEWHERE = "192.0.2.1";

/**
 * By what others may know this machine, if something listens there: of all its addresses, the one with which it goes out by
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
    return outside?.address ?? hostname();
  } finally {
    socket.close();
  }
}
