import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { formatAddress, isLoopback } from "pydist-node";

/** Where this machine is on a network that multicasts: an interface with an IPv4 address. */
export interface Place {
  readonly address: string;
  /** Only this machine is there. */
  readonly internal: boolean;
  /** All addresses of the interface. */
  readonly addresses: readonly string[];
}

/** One for each interface, of which the first IPv4 address speaks. */
export function placesHere(interfaces = networkInterfaces()): Place[] {
  return Object.values(interfaces).flatMap((infos: NetworkInterfaceInfo[] = []) => {
    const four = infos.find(({ family }) => family === "IPv4");
    if (four === undefined) return [];
    return [{ address: four.address, internal: four.internal, addresses: infos.map(({ address }) => address) }];
  });
}

/** Whether a packet from there came from this machine. */
export function isHere(source: string): boolean {
  return isLoopback(source) || placesHere().some(({ addresses }) => addresses.includes(source));
}

/** Where a node listens, and what others dial if somebody said so. */
export interface Reach {
  readonly host: string;
  readonly port: number;
  readonly advertise: string | undefined;
}

/** What those at a place dial to reach a node; undefined if they cannot. */
export function addressAt({ address, internal, addresses }: Place, reach: Reach): string | undefined {
  const { host, port, advertise } = reach;
  if (advertise !== undefined) return advertise;
  if (host === "0.0.0.0" || host === "::") return formatAddress({ host: address, port });
  return internal || addresses.includes(host) ? formatAddress({ host, port }) : undefined;
}
