import pMap from "p-map";
import type { NodeInfo } from "pydist-node";
import { EXIT, print } from "pydist-node/cli";
import { quoted } from "../quoted.js";
import { asking, type HostsCall, stopNode, treeIfAny } from "./cluster.js";
import { explain, sentenceOf } from "./explain.js";
import type { Host } from "./hostfile.js";
import { AT_ONCE, ask, type Order, type Outcome, question, wordsOf } from "./order.js";
import { logOf } from "./remote.js";
import { Report } from "./report.js";
import type { Ended } from "./ssh.js";

/** Stops the nodes of these machines, those of the tree and those that it does not know. @returns the exit code */
export async function stopHosts(hosts: readonly Host[], order: Order, call: HostsCall): Promise<number> {
  const ids = new Map((await treeIfAny(call)).map(({ name, id }: NodeInfo) => [name, id]));
  if (call.switches.has("dryRun")) {
    for (const host of hosts) {
      const id = ids.get(host.name);
      print(id === undefined ? wordsOf(host, order, question(host, order, "stop")) : wordsOfTree(id, call));
    }
    return EXIT.ok;
  }
  const report = new Report(call.values.json);
  const stop = async (host: Host) => report.add(host, await bringDown(host, ids.get(host.name), order, call));
  await pMap(hosts, stop, { concurrency: AT_ONCE });
  return report.finish("stopped") ? EXIT.ok : EXIT.failure;
}

function wordsOfTree(id: string, call: HostsCall): string {
  const { values, sources } = asking(call);
  const cluster = sources.cluster === "default" ? [] : ["--cluster", values.cluster];
  return ["pydist-node", "stop", values.address.join(","), "--node", id, ...cluster].map(quoted).join(" ");
}

/** @param id of its node, where the tree knows it: it then needs no ssh, unless the tree does not get through to it */
export async function bringDown(host: Host, id: string | undefined, order: Order, call: HostsCall): Promise<Outcome> {
  if (id !== undefined && (await stopNode(call, id))) {
    return { is: "stopped", why: "it leaves once what it runs is over" };
  }
  const ended = await ask(host, order, "stop");
  if (ended.code === 0) return { is: "stopped", why: "it leaves once what it runs is over; it was told over ssh" };
  if (ended.code === EXIT.unreachable && ended.stderr.includes("Nothing listens at")) {
    return { is: "gone", why: "no node runs there" };
  }
  return { is: "failed", why: notStopped(host, ended) ?? explain(host, ended, order.ssh.timeout) };
}

/** What is at its own port does not do what it is told. */
export function notStopped({ destination, port }: Host, ended: Ended): string | undefined {
  const said = sentenceOf(ended);
  if (said === undefined) return undefined;
  if (ended.code === EXIT.authentication) {
    return (
      `what listens at port ${port} there has another secret or another cluster, and was left alone. ` +
      "If it is to be stopped, do so with its own, --secret-file and --cluster."
    );
  }
  if (ended.code !== EXIT.unreachable) return undefined;
  if (!said.includes("did not answer within")) return said;
  // Its command line alone tells it from all else that the user runs there; the brackets keep pkill from finding its own shell.
  return (
    `what listens at port ${port} there says nothing. If it is its node, that hangs; this ends its processes, with what ` +
    `they run: ssh ${destination} "pkill -9 -f '[-]-detach ${logOf(port)}'"`
  );
}
