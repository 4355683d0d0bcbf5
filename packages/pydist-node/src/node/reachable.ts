import { hostname } from "node:os";
import { type Address, formatAddress } from "../links/address.js";

/** `host:port` for others to dial, of what listens at this address. */
export function reachableAddress({ host, port }: Address): string {
  // "Every address of this machine" is none that another machine could dial; its name mostly is one.
  return formatAddress({ host: host === "0.0.0.0" || host === "::" ? hostname() : host, port });
}
