import pMap from "p-map";
import type { NodeInfo } from "pydist-node";
import { EXIT, Interruption, print, UsageError } from "pydist-node/cli";
import { type HostsCall, treeIfAny, treeOf, warnOfParent } from "./cluster.js";
import { dialOf, printParent } from "./dialled.js";
import { bringDown } from "./down.js";
import { explain, isPortTaken } from "./explain.js";
import type { Host } from "./hostfile.js";
import { outsideOf, refuseLoopback } from "./loopback.js";
import { type Joined, whoIsThere } from "./occupant.js";
import { AT_ONCE, type Order, type Outcome, over, wordsOf } from "./order.js";
import { logOf } from "./remote.js";
import { Report } from "./report.js";

/** What each node is started with. */
interface Plan extends Joined {
  /** Addresses that the nodes dial; none if they wait to be dialled. */
  readonly parent: readonly string[];
  /** The tree as it was before. */
  readonly before: readonly NodeInfo[];
  /** Further arguments of `spawn`. */
  readonly more: readonly string[];
}

/** Starts a node on each machine that has none of that name in the tree. @returns the exit code */
export async function startHosts(hosts: readonly Host[], order: Order, call: HostsCall): Promise<number> {
  const plan = await planOf(hosts, call);
  await refuseLoopback(plan.parent, hosts, order.ssh);
  if (call.switches.has("dryRun")) {
    for (const host of hosts) print(wordsOf(host, order, spawnOf(host, order, plan)));
    return EXIT.ok;
  }
  const report = new Report(call.values.json);
  const interruption = new Interruption("stopping what was started; another one leaves it as it is");
  const { signal } = interruption;
  const start = async (host: Host): Promise<Outcome> => {
    const came = await bringUp(host, { ...order, ssh: { ...order.ssh, signal } }, plan);
    const waits = plan.parent.length === 0 && (came.is === "up" || came.is === "running");
    const outcome = waits ? { ...came, dial: await dialOf(host, order.ssh) } : came;
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
    if (!call.values.json) printParent(outcomes, call.rest);
    return good ? EXIT.ok : EXIT.failure;
  } finally {
    interruption.over();
  }
}

/** @throws ConnectionError, AuthenticationError, VersionMismatchError if there is no such tree to join */
async function planOf(hosts: readonly Host[], call: HostsCall): Promise<Plan> {
  const { parent, connectTimeout } = call.values;
  const common = { hosts, connectTimeout, more: call.rest };
  if (!call.switches.has("awaitParent")) {
    // To show what would be run, nobody need be there yet.
    if (parent.length > 0 && call.switches.has("dryRun")) return { ...common, before: [], tree: undefined, parent };
    const before = await treeOf(call);
    const tree = () => treeIfAny(call);
    if (parent.length === 0) return { ...common, before, tree, parent: [await outsideOf(before[0], call)] };
    if (call.sources.address === "flag") await warnOfParent(call);
    return { ...common, before, tree, parent };
  }
  if (call.sources.parent === "flag") {
    throw new UsageError("Give --parent or --await-parent: either the nodes dial their parent, or it dials them.");
  }
  return { ...common, before: [], tree: undefined, parent: [] };
}

/** Starts a node on a machine; it outlives the ssh by which it came. */
async function bringUp(host: Host, order: Order, plan: Plan): Promise<Outcome> {
  const same = plan.before.find(({ name }) => name === host.name);
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
    ...more,
    // The last one counts, so what a line says of its own machine comes after what is said of all.
    ...(workers === undefined ? [] : ["--workers", `${workers}`]),
  ];
}

/** Shells may greet whoever comes, on the same stream. */
function readyLine(stdout: string): { readonly id: string; readonly address: string } | undefined {
  const line = stdout.split("\n").find((each) => each.startsWith('{"event":"ready"'));
  if (line === undefined) return undefined;
  const { id, address } = JSON.parse(line) as { readonly id: string; readonly address: string };
  return { id, address };
}
