import type { NodeInfo } from "pydist-node";
import { askNodes, type Call, EXIT, exitCodeOf, orderNode } from "pydist-node/cli";

export type HostsCall = Call<"address" | "secretFile" | "cluster" | "connectTimeout" | "parent" | "json">;

/** Where the cluster is asked: where the nodes are to join, unless another address is given. */
function asking(call: HostsCall): HostsCall {
  const { values, sources } = call;
  if (values.parent.length === 0 || sources.address !== "default") return call;
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

/** Has the tree stop one of its nodes. @returns why it does not, if it does not */
export async function stopNode(call: HostsCall, id: string): Promise<string | undefined> {
  const { values, sources } = asking(call);
  const answer = await orderNode({ values: { ...values, node: id }, sources: { ...sources, node: "flag" } }, "stop");
  if ("node" in answer) return undefined;
  return "refused" in answer ? answer.refused : "It did not say what became of the order. Try again.";
}
