import pMap from "p-map";
import { parseAddress } from "pydist-node";
import { complain, EXIT, print, UsageError } from "pydist-node/cli";
import { AT_ONCE, type HostsCall, treeOf } from "./cluster.js";
import { bringDown } from "./down.js";
import { explain, isPortTaken } from "./explain.js";
import type { Host } from "./hostfile.js";
import { type Order, type Outcome, over } from "./order.js";
import { logOf } from "./remote.js";
import { Report } from "./report.js";
import { resolved } from "./ssh.js";

interface UpOrder extends Order {
  /** Addresses that the nodes dial; none if they wait to be dialled. */
  readonly parent: readonly string[];
  readonly connectTimeout: number;
  /** Further arguments of `spawn`. */
  readonly spawn: readonly string[];
}

/** Starts a node on each machine that has none of that name in the tree. @returns the exit code */
export async function startHosts(hosts: readonly Host[], order: Order, call: HostsCall): Promise<number> {
  const { values, sources } = call;
  const awaits = call.switches.has("awaitParent");
  if (awaits && sources.parent === "flag") {
    throw new UsageError("Give --parent or --await-parent: either the nodes dial their parent, or it dials them.");
  }
  const tree = awaits ? [] : await treeOf(call);
  const parent = awaits
    ? []
    : values.parent.length > 0
      ? values.parent
      : tree.slice(0, 1).map(({ address }) => address);
  await refuseLoopback(parent, hosts, order);
  const up: UpOrder = { ...order, parent, connectTimeout: values.connectTimeout, spawn: call.rest };
  const names = new Set(tree.map(({ name }) => name));
  const report = new Report(values.json);
  const interruption = new Interruption();
  const start = async (host: Host): Promise<Outcome> => {
    if (interruption.exitCode !== undefined) return { is: "failed", why: "It was not tried any more." };
    const outcome: Outcome = names.has(host.name)
      ? { is: "running", why: "a node of that name is in the tree" }
      : await bringUp(host, up);
    report.add(host, outcome);
    return outcome;
  };
  try {
    const outcomes = await pMap(hosts, start, { concurrency: AT_ONCE });
    if (interruption.exitCode !== undefined) {
      const undo = async (host: Host, index: number): Promise<void> => {
        const outcome = outcomes[index];
        if (outcome?.is === "up") report.add(host, await bringDown(host, awaits ? undefined : outcome.id, order, call));
      };
      await pMap(hosts, undo, { concurrency: AT_ONCE });
      return interruption.exitCode;
    }
    const good = report.finish("up");
    if (awaits && !values.json)
      print(`Their parent dials them: pydist-node spawn --children ${hosts.map(dialled).join(",")}`);
    return good ? EXIT.ok : EXIT.failure;
  } finally {
    interruption.over();
  }
}

/** Starts a node on a machine; it outlives the ssh by which it came. */
async function bringUp(host: Host, order: UpOrder): Promise<Outcome> {
  const { name, port, workers } = host;
  const { parent, connectTimeout, cluster } = order;
  const log = logOf(port);
  const args = [
    ...["spawn", "--json", "--detach", log, "--secret-file", "-", "--cluster", cluster, "--name", name],
    ...["--port", `${port}`, "--connect-timeout", `${connectTimeout}`],
    ...(parent.length > 0 ? ["--parent", parent.join(",")] : ["--await-parent"]),
    ...(workers === undefined ? [] : ["--workers", `${workers}`]),
    ...order.spawn,
  ];
  const ended = await over(host, order, args);
  const ready = ended.code === 0 ? readyLine(ended.stdout) : undefined;
  if (ready !== undefined) return { is: "up", ...ready, log };
  const running = isPortTaken(ended) ? await whoRuns(host, order) : undefined;
  return running ?? { is: "failed", why: explain(host, ended, order.ssh.timeout) };
}

/** Shells may greet whoever comes, on the same stream. */
function readyLine(stdout: string): { readonly id: string; readonly address: string } | undefined {
  const line = stdout.split("\n").find((each) => each.startsWith('{"event":"ready"'));
  if (line === undefined) return undefined;
  const { id, address } = JSON.parse(line) as { readonly id: string; readonly address: string };
  return { id, address };
}

/** The node of this cluster that has the port already, if it is one. */
async function whoRuns(host: Host, order: Order): Promise<Outcome | undefined> {
  const { port } = host;
  const { cluster } = order;
  const args = ["status", `127.0.0.1:${port}`, "--json", "--secret-file", "-", "--cluster", cluster];
  const { code, stdout } = await over(host, order, args);
  if (code !== 0) return undefined;
  const { name } = JSON.parse(stdout.slice(stdout.indexOf("{"))) as { readonly name: string };
  return { is: "running", why: `node ${name} of this cluster has port ${port} there` };
}

/** What leads every machine back to itself is no way to the parent. */
async function refuseLoopback(parents: readonly string[], hosts: readonly Host[], order: Order): Promise<void> {
  const [parent] = parents.filter((each) => isLoopback(parseAddress(each).host));
  if (parent === undefined) return;
  const elsewhere = async ({ destination }: Host): Promise<boolean> => {
    const found = await resolved(destination, order.ssh);
    const hops = ["proxyjump", "proxycommand"].some((keyword) => (found.get(keyword) ?? "none") !== "none");
    return hops || !isLoopback(found.get("hostname") ?? destination);
  };
  const are = await pMap(hosts, elsewhere, { concurrency: AT_ONCE });
  const names = hosts.filter((_, index) => are[index]).map(({ name }) => name);
  if (names.length === 0) return;
  throw new UsageError(
    `The nodes are to join ${parent}, but that address leads each machine to itself, and ${names.slice(0, 3).join(", ")}` +
      `${names.length > 3 ? " and others are" : names.length > 1 ? " are" : " is"} not this one. Start the root so that others ` +
      "reach it, pydist-node spawn --host 0.0.0.0, or say with --parent where they reach it.",
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}

/** Where a machine's node is dialled, by the name that is in the file. */
function dialled({ destination, port }: Host): string {
  return `${destination.replace(/^.*@/, "")}:${port}`;
}

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** The first signal ends what was begun, which takes a moment; another one ends this process at once. */
class Interruption {
  exitCode: number | undefined;

  constructor() {
    for (const signal of Object.keys(SIGNALS)) process.on(signal, this.#onSignal);
  }

  over(): void {
    for (const signal of Object.keys(SIGNALS)) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: keyof typeof SIGNALS): void => {
    if (this.exitCode !== undefined) process.exit(SIGNALS[signal]);
    this.exitCode = SIGNALS[signal];
    complain(`${signal}: stopping what was started; another one leaves it as it is.`);
  };
}
