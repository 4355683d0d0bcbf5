import pMap from "p-map";
import type { NodeInfo } from "pydist-node";
import { EXIT } from "pydist-node/cli";
import { type HostsCall, stopNode, treeIfAny } from "./cluster.js";
import { explain } from "./explain.js";
import type { Host } from "./hostfile.js";
import { AT_ONCE, ask, type Order, type Outcome } from "./order.js";
import { Report } from "./report.js";

/** Stops the nodes of these machines, those of the tree and those that it does not know. @returns the exit code */
export async function stopHosts(hosts: readonly Host[], order: Order, call: HostsCall): Promise<number> {
  const ids = new Map((await treeIfAny(call)).map(({ name, id }: NodeInfo) => [name, id]));
  const report = new Report(call.values.json);
  const stop = async (host: Host) => report.add(host, await bringDown(host, ids.get(host.name), order, call));
  await pMap(hosts, stop, { concurrency: AT_ONCE });
  return report.finish("stopped") ? EXIT.ok : EXIT.failure;
}

/** @param id of its node, where the tree knows it: it then needs no ssh */
export async function bringDown(host: Host, id: string | undefined, order: Order, call: HostsCall): Promise<Outcome> {
  if (id === undefined) return stopThere(host, order);
  const refused = await stopNode(call, id);
  if (refused !== undefined) return { is: "failed", why: refused };
  return { is: "stopped", why: "it leaves once what it runs is over" };
}

async function stopThere(host: Host, order: Order): Promise<Outcome> {
  const ended = await ask(host, order, "stop");
  if (ended.code === 0) return { is: "stopped", why: "it leaves once what it runs is over; it was told over ssh" };
  if (ended.code === 3 && ended.stderr.includes("Nothing listens at")) return { is: "gone", why: "no node runs there" };
  return { is: "failed", why: explain(host, ended, order.ssh.timeout) };
}
