import pMap from "p-map";
import { formatAddress, isLoopback, type NodeInfo, parseAddress } from "pydist-node";
import { outsideHost, UsageError } from "pydist-node/cli";
import { type HostsCall, treeOf } from "./cluster.js";
import type { Host } from "./hostfile.js";
import { AT_ONCE } from "./order.js";
import { resolved, type SshOptions } from "./ssh.js";

/**
 * The root's address for other machines. Whoever asks it on its own machine is told what will do there; if it listens for
 * others, too, it is also found at the address that this machine has for them.
 */
export async function outsideOf(root: NodeInfo, call: HostsCall): Promise<string> {
  const { host, port } = parseAddress(root.address);
  if (!isLoopback(host)) return root.address;
  const outside = formatAddress({ host: await outsideHost("0.0.0.0"), port });
  const found = await treeOf({ ...call, values: { ...call.values, address: [outside], parent: [] } }).catch(() => []);
  return found[0]?.id === root.id ? outside : root.address;
}

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
