import { BlockList, isIP, isIPv6 } from "node:net";

/** Where a node listens, split. `host` of an IPv6 address is without brackets. */
export interface Address {
  readonly host: string;
  /** 0 to 65535; 0 only makes sense for listening: any free port. */
  readonly port: number;
}

export const DEFAULT_PORT = 9000;
export const DEFAULT_HOST = "127.0.0.1";

/** The only path of a listener that is answered with a link. */
export const LINK_PATH = "/pydist";

/**
 * Reads `host:port`, `host`, `:port`, `[::1]:port` or a bare IPv6 address.
 * What is missing becomes 127.0.0.1 and 9000.
 *
 * @throws TypeError if the text is no address
 * @throws RangeError if the port is not within 0 to 65535
 */
export function parseAddress(text: string): Address {
  const trimmed = text.trim();
  if (isIPv6(trimmed)) return { host: trimmed, port: DEFAULT_PORT };
  const match = /^(?:\[(?<six>[^\]]*)\]|(?<name>[^:[\]/\s@]*))(?::(?<port>\d{1,6}))?$/.exec(trimmed);
  const { six, name, port } = match?.groups ?? {};
  if (trimmed === "" || match === null || (six !== undefined && !isIPv6(six))) {
    throw new TypeError(
      `"${text}" is not an address. Write host:port, for example 127.0.0.1:9000, node7.example.org:9000 or [::1]:9000.`,
    );
  }
  return {
    host: six ?? (name || DEFAULT_HOST),
    port: port === undefined ? DEFAULT_PORT : checkPort(Number(port), text),
  };
}

/** The inverse of {@link parseAddress}: IPv6 hosts get their brackets. */
export function formatAddress({ host, port }: Address): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Of an address that a peer gave; undefined if it is none that could be dialled. */
export function hostOf(address: string): string | undefined {
  try {
    const { host, port } = parseAddress(address);
    return port === 0 ? undefined : host;
  } catch {
    return undefined;
  }
}

/** Whether two texts are one address, however each is spelled. */
export function sameAddress(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => (hostOf(text) === undefined ? text : formatAddress(parseAddress(text))));
  return a === b;
}

/** Whether it stands for every address of a machine; nobody can dial that. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether only this machine's own processes reach it. */
export function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host.toLowerCase() === "localhost";
  return loopback.check(host, version === 4 ? "ipv4" : "ipv6");
}

/** As people write it: sockets that take both kinds show an IPv4 address as an IPv6 one. */
export function plainHost(host: string): string {
  return host.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** An address to dial, for whoever reaches this machine at `localHost`. */
export function located(address: string, localHost: string | undefined): string {
  if (localHost === undefined || localHost === "") return address;
  const { host, port } = parseAddress(address);
  return isWildcard(host) ? formatAddress({ host: plainHost(localHost), port }) : address;
}

function checkPort(port: number, text: string): number {
  if (port > 65_535) throw new RangeError(`The port in "${text}" is ${port}; ports end at 65535.`);
  return port;
}
