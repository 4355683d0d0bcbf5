import pMap from "p-map";
import { parseAddress } from "pydist-node";
import { UsageError } from "pydist-node/cli";
import type { Host } from "./hostfile.js";
import { AT_ONCE } from "./order.js";
import { resolved, type SshOptions } from "./ssh.js";

/**
 * What leads every machine back to itself is no way to the parent.
 * @throws UsageError naming the machines, of which ssh knows that they are others
 */
export async function refuseLoopback(
  parents: readonly string[],
  hosts: readonly Host[],
  ssh: SshOptions,
): Promise<void> {
  const parent = parents.find((each) => isLoopback(parseAddress(each).host));
  if (parent === undefined) return;
  const elsewhere = async ({ destination }: Host): Promise<boolean> => {
    const found = await resolved(destination, ssh);
    const hops = ["proxyjump", "proxycommand"].some((keyword) => (found.get(keyword) ?? "none") !== "none");
    return hops || !isLoopback(found.get("hostname") ?? destination);
  };
  const are = await pMap(hosts, elsewhere, { concurrency: AT_ONCE });
  const names = hosts.filter((_, index) => are[index]).map(({ name }) => name);
  if (names.length === 0) return;
  const some = `${names.slice(0, 3).join(", ")}${names.length > 3 ? " and others" : ""}`;
  throw new UsageError(
    `The nodes are to join ${parent}, which on ${some} is that machine itself. Start the root so that others reach it, ` +
      "pydist-node spawn --host 0.0.0.0, or say with --parent at which address they reach it.",
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}
