import pMap from "p-map";
import { formatAddress, type NodeInfo } from "pydist-node";
import { EXIT, Interruption, print, UsageError } from "pydist-node/cli";
import { quoted } from "../quoted.js";
import { type HostsCall, treeOf } from "./cluster.js";
import { bringDown } from "./down.js";
import { explain, isPortTaken } from "./explain.js";
import type { Host } from "./hostfile.js";
import { outsideOf, refuseLoopback } from "./loopback.js";
import { AT_ONCE, ask, type Order, type Outcome, over } from "./order.js";
import { logOf, remoteCommand } from "./remote.js";
import { Report } from "./report.js";
import { argumentsOf } from "./ssh.js";

/** What each node is started with. */
interface Plan {
  /** Addresses that the nodes dial; none if they wait to be dialled. */
  readonly parent: readonly string[];
  /** The tree that they are to join, as it is now. */
  readonly tree: readonly NodeInfo[];
  readonly connectTimeout: number;
  /** Further arguments of `spawn`. */
  readonly more: readonly string[];
}

/** Starts a node on each machine that has none of that name in the tree. @returns the exit code */
export async function startHosts(hosts: readonly Host[], order: Order, call: HostsCall): Promise<number> {
  const plan = await planOf(call);
  await refuseLoopback(plan.parent, hosts, order.ssh);
  if (call.switches.has("dryRun")) {
    for (const host of hosts) print(wordsOf(host, order, plan));
    return EXIT.ok;
  }
  const report = new Report(call.values.json);
  const interruption = new Interruption("stopping what was started; another one leaves it as it is");
  const { signal } = interruption;
  const start = async (host: Host): Promise<Outcome> => {
    const outcome = await bringUp(host, { ...order, ssh: { ...order.ssh, signal } }, plan);
    report.add(host, outcome);
    return outcome;
  };
  try {
    const outcomes = await pMap(hosts, start, { concurrency: AT_ONCE });
    if (interruption.exitCode !== undefined) {
      const undo = async (host: Host, index: number): Promise<void> => {
        const outcome = outcomes[index];
        if (outcome?.is !== "up") return;
        report.add(host, await bringDown(host, plan.parent.length === 0 ? undefined : outcome.id, order, call));
      };
      await pMap(hosts, undo, { concurrency: AT_ONCE });
    }
    const good = report.finish("up");
    if (interruption.exitCode !== undefined) return interruption.exitCode;
    if (plan.parent.length === 0 && !call.values.json) {
      print(`Their parent dials them: pydist-node spawn --children ${hosts.map(dialled).join(",")}`);
      if (!call.rest.some((word) => word.startsWith("--host"))) print(ONLY_THEMSELVES);
    }
    return good ? EXIT.ok : EXIT.failure;
  } finally {
    interruption.over();
  }
}

/** @throws ConnectionError, AuthenticationError, VersionMismatchError if there is no such tree to join */
async function planOf(call: HostsCall): Promise<Plan> {
  const { parent, connectTimeout } = call.values;
  const common = { connectTimeout, more: call.rest };
  if (!call.switches.has("awaitParent")) {
    // To show what would be run, nobody need be there yet.
    if (parent.length > 0 && call.switches.has("dryRun")) return { ...common, tree: [], parent };
    const tree = await treeOf(call);
    return { ...common, tree, parent: parent.length > 0 ? parent : [await outsideOf(tree[0], call)] };
  }
  if (call.sources.parent === "flag") {
    throw new UsageError("Give --parent or --await-parent: either the nodes dial their parent, or it dials them.");
  }
  return { ...common, tree: [], parent: [] };
}

/** Starts a node on a machine; it outlives the ssh by which it came. */
async function bringUp(host: Host, order: Order, plan: Plan): Promise<Outcome> {
  const same = plan.tree.find(({ name }) => name === host.name);
  if (same?.state === "leaving") return { is: "failed", why: "its node is leaving the tree. Try again once it has." };
  if (same !== undefined) return { is: "running", why: "a node of that name is in the tree" };
  const ended = await over(host, order, spawnOf(host, order, plan));
  const ready = ended.code === 0 ? readyLine(ended.stdout) : undefined;
  if (ready !== undefined) return { is: "up", ...ready, log: logOf(host.port) };
  const there = isPortTaken(ended) ? await whoIsThere(host, order, plan) : undefined;
  return there ?? { is: "failed", why: explain(host, ended, order.ssh.timeout) };
}

function spawnOf({ name, port, workers }: Host, { cluster }: Order, plan: Plan): readonly string[] {
  const { parent, connectTimeout, more } = plan;
  return [
    ...["spawn", "--json", "--detach", logOf(port), "--secret-file", "-", "--cluster", cluster, "--name", name],
    ...["--port", `${port}`, "--connect-timeout", `${connectTimeout}`],
    ...(parent.length > 0 ? ["--parent", parent.join(",")] : ["--await-parent"]),
    ...(workers === undefined ? [] : ["--workers", `${workers}`]),
    ...more,
  ];
}

/** The command as it would be typed; the secret, which goes to its standard input, is not part of it. */
function wordsOf(host: Host, order: Order, plan: Plan): string {
  const command = remoteCommand(order.command, spawnOf(host, order, plan));
  return ["ssh", ...argumentsOf(host.destination, quoted(command), order.ssh)].join(" ");
}

/** Shells may greet whoever comes, on the same stream. */
function readyLine(stdout: string): { readonly id: string; readonly address: string } | undefined {
  const line = stdout.split("\n").find((each) => each.startsWith('{"event":"ready"'));
  if (line === undefined) return undefined;
  const { id, address } = JSON.parse(line) as { readonly id: string; readonly address: string };
  return { id, address };
}

/** The node of this cluster that has the port already, if it is one. */
async function whoIsThere(host: Host, order: Order, { tree, parent }: Plan): Promise<Outcome | undefined> {
  const { port } = host;
  const { code, stdout } = await ask(host, order, "status");
  if (code !== 0) return undefined;
  const node = JSON.parse(stdout.slice(stdout.search(/^\{$/m))) as Pick<NodeInfo, "id" | "name">;
  const why = `node ${node.name} of this cluster has port ${port} there`;
  if (parent.length === 0 || tree.some(({ id }) => id === node.id)) return { is: "running", why };
  return {
    is: "failed",
    why:
      `${why}, but is not in this tree: it has another parent, or has lost it. ` +
      "Stop it first, with the same file and --down; or give the line another port.",
  };
}

const ONLY_THEMSELVES =
  "From other machines it cannot, unless their own configuration says more: --host 0.0.0.0 behind -- lets those in.";

/** Where a machine's node is dialled, by the name that is in the file. */
function dialled({ destination, port }: Host): string {
  return formatAddress({ host: destination.replace(/^.*@/, ""), port });
}
