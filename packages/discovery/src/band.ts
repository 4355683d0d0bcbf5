import { ConnectionError } from "@pydist/protocol";

/** Where nodes are spoken of: the group and port of multicast DNS, on all interfaces, unless told otherwise. */
export interface Band {
  readonly group: string;
  readonly port: number;
  /** The IPv4 addresses of the only interfaces that are used. */
  readonly only?: readonly string[];
}

const MULTICAST_DNS: Band = { group: "224.0.0.251", port: 5353 };
const SHAPE = /^(?<group>2[23]\d(?:\.\d{1,3}){3}):(?<port>\d{1,5})(?:@(?<only>[\d.,]+))?$/;

/** @throws ConnectionError if PYDIST_MULTICAST is wrong */
export function bandOf({ PYDIST_MULTICAST: text }: NodeJS.ProcessEnv): Band {
  if (!text) return MULTICAST_DNS;
  const { group = "", port = "", only } = SHAPE.exec(text)?.groups ?? {};
  if (group !== "" && Number(port) > 0 && Number(port) <= 65_535) {
    return { group, port: Number(port), ...(only === undefined ? {} : { only: only.split(",") }) };
  }
  throw new ConnectionError(
    `PYDIST_MULTICAST: ${JSON.stringify(text)} is no multicast group with a port. Write it as ${MULTICAST_DNS.group}:${MULTICAST_DNS.port}, ` +
      `or with the addresses of the interfaces to use, 224.0.0.251:5353@10.0.0.5; unset, it is the former.`,
  );
}
