import type { NodeInfo } from "pydist-node";
import { askNodes, type Call, complain, EXIT, exitCodeOf, orderNode } from "pydist-node/cli";

export type HostsCall = Call<"address" | "secretFile" | "cluster" | "connectTimeout" | "parent" | "json">;

/** Where the cluster is asked: where the nodes are to join, unless this call gives another address. */
export function asking(call: HostsCall): HostsCall {
  const { values, sources } = call;
  if (values.parent.length === 0 || sources.address === "flag") return call;
  return { ...call, values: { ...values, address: values.parent } };
}

/** The nodes of the tree, the one that was asked first. @throws ConnectionError if nobody answers */
export function treeOf(call: HostsCall): Promise<readonly [NodeInfo, ...NodeInfo[]]> {
  return askNodes(asking(call));
}

/** As far as there is one: nodes can be stopped without it. */
export async function treeIfAny(call: HostsCall): Promise<readonly NodeInfo[]> {
  try {
    return await treeOf(call);
  } catch (error) {
    if (exitCodeOf(error) === EXIT.unreachable) return [];
    throw error;
  }
}

/** Says so if nobody answers at the parent. It may be one that is reached from those machines only, so it is no error. */
export async function warnOfParent(call: HostsCall): Promise<void> {
  const { values } = call;
  try {
    await askNodes({ ...call, values: { ...values, address: values.parent } });
  } catch (error) {
    if (exitCodeOf(error) !== EXIT.unreachable) throw error;
    complain(
      `${(error as Error).message} That is how --parent looks from here; the machines may reach what this one does not.`,
    );
  }
}

/** Has the tree stop one of its nodes. @returns whether it does; if not, the node's own machine may know why */
export async function stopNode(call: HostsCall, id: string): Promise<boolean> {
  const { values, sources } = asking(call);
  const order = { values: { ...values, node: id }, sources: { ...sources, node: "flag" as const } };
  try {
    return "node" in (await orderNode(order, "stop"));
  } catch (error) {
    if (exitCodeOf(error) === EXIT.unreachable) return false;
    throw error;
  }
}
