import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { isLoopback, isWildcard } from "../links/address.js";
import { type Check, fail, ok, warn } from "./doctor-check.js";
import { EXIT } from "./exit-codes.js";

/** The oldest Node that pydist runs on. */
const OLDEST = [20, 19] as const;

export function checkNode(node = process.versions.node): Check {
  const [major = 0, minor = 0] = node.split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return ok("Node", node);
  return fail(
    "Node",
    `${node} is too old: pydist needs ${OLDEST.join(".")} or newer. Install a newer one.`,
    EXIT.failure,
  );
}

/** Files that a node has open beside its links, with some to spare for its tasks. */
const OTHER_FILES = 100;
const FEW_FILES = 1024;

/** Each link of a node is an open file. Undefined where no such limit is known. */
export function checkFiles(limit = openFiles()): Check | undefined {
  if (limit === undefined) return undefined;
  if (limit >= FEW_FILES) return ok("files", `${limit} may be open at once`);
  const room = Math.max(0, limit - OTHER_FILES);
  return warn(
    "files",
    `only ${limit} may be open at once, so a node here has room for about ${room} children and programs. ` +
      "Raise the limit (ulimit -n 4096) where it is started, or bound its children with --max-children.",
  );
}

/** Node raises its own limit to the highest that it may have, so this is that one. */
function openFiles(): number | undefined {
  const report = process.report?.getReport() as { userLimits?: { open_files?: { soft?: unknown } } } | undefined;
  const limit = report?.userLimits?.open_files?.soft;
  return limit === "unlimited" ? Number.POSITIVE_INFINITY : typeof limit === "number" ? limit : undefined;
}

/** Who would reach a node that listens there. */
export async function checkHost(host: string): Promise<Check> {
  const found = isIP(host) !== 0 ? [host] : await addressesOf(host);
  if (found.length === 0) {
    return fail(
      "host",
      `${host}, where a node here would listen, cannot be resolved. Give --host an IP address.`,
      EXIT.failure,
    );
  }
  if (found.every(isWildcard))
    return ok("host", `${host}: other machines reach a node here, unless a firewall keeps them out`);
  if (!found.every(isLoopback)) return ok("host", `${namedBy(host, found)}: other machines reach a node here by it`);
  if (isIP(host) !== 0 || host === "localhost") {
    return ok("host", `${namedBy(host, found)}: only this machine reaches a node here. --host 0.0.0.0 lets others in`);
  }
  return warn("host", `${host} is ${found.join(", ")} here, at which no other machine reaches a node. ${debian(host)}`);
}

/** What this machine calls itself, which people give to others. */
export async function checkOwnName(name = hostname()): Promise<Check> {
  const found = await addressesOf(name);
  if (found.length === 0) {
    return warn(
      "hostname",
      `this machine calls itself ${name}, which cannot be resolved here. Use an IP address for it.`,
    );
  }
  if (!found.every(isLoopback)) return ok("hostname", namedBy(name, found));
  return warn("hostname", `this machine calls itself ${name}, which is ${found.join(", ")} here. ${debian(name)}`);
}

function debian(name: string): string {
  return `That is what Debian writes into /etc/hosts: a node on this machine is not found by ${name} at its real address. Use its IP address.`;
}

function namedBy(host: string, found: readonly string[]): string {
  return found.includes(host) ? host : `${host} is ${found.join(", ")}`;
}

async function addressesOf(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}
