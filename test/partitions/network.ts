import { spawnSync } from "node:child_process";
import { afterEach } from "vitest";
import { isAlive } from "../support/processes.js";

/*
 * Machines, as far as their processes can tell: network namespaces on one bridge. What they send each other can be
 * dropped without a word, as a cable that is pulled out does, which no proxy and no closed socket can imitate.
 */

const PREFIX = "pydist-test-";
const INTERFACE = "eth0";

const open = new Set<Network>();
function removeAll(): void {
  for (const network of open) network.remove();
}
afterEach(removeAll);
// If the test runner gives up on this file, no hook runs any more.
process.on("exit", removeAll);

function tried(command: string, ...args: readonly string[]): { readonly output: string; readonly failure?: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status === 0) return { output: stdout };
  return { output: stdout ?? "", failure: error?.message ?? stderr.trim() };
}

function run(command: string, ...args: readonly string[]): string {
  const { output, failure } = tried(command, ...args);
  if (failure !== undefined) throw new Error(`${[command, ...args].join(" ")}: ${failure}`);
  return output;
}

/** Why there can be no such network here; undefined if there can. */
export function whatIsMissing(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  for (const command of ["ip", "nft", "tc"]) {
    const { failure } = tried(command, "-V");
    if (failure !== undefined) return `${command} is not here (apt-get install iproute2 nftables): ${failure}`;
  }
  const name = `${PREFIX}${process.pid}-probe`;
  const { failure } = tried("ip", "netns", "add", name);
  tried("ip", "netns", "del", name);
  return failure === undefined ? undefined : `this system lets nobody make network namespaces: ${failure}`;
}

/** Namespaces of a test that was killed, and so could not remove them. */
function removeLeftovers(): void {
  for (const name of run("ip", "netns", "list").split("\n")) {
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : process.pid;
    if (!isAlive(pid)) tried("ip", "netns", "del", name.split(" ")[0] as string);
  }
}

export class Network {
  readonly #hosts: readonly string[];
  readonly #bridge = `${PREFIX}${process.pid}-bridge`;
  /** Machines that are not on the bridge but behind one that is, and their addresses. */
  readonly #behind = new Map<string, string>();

  /** @param hosts names of the machines; no more than a few letters */
  constructor(hosts: readonly string[]) {
    this.#hosts = hosts;
    removeLeftovers();
    open.add(this);
    run("ip", "netns", "add", this.#bridge);
    run("ip", "-n", this.#bridge, "link", "add", "br0", "type", "bridge");
    run("ip", "-n", this.#bridge, "link", "set", "br0", "up");
    for (const host of hosts) this.#addHost(host, this.#name(host));
  }

  #addHost(host: string, name: string): void {
    run("ip", "netns", "add", name);
    const cable = ["type", "veth", "peer", "name", host, "netns", this.#bridge];
    run("ip", "link", "add", INTERFACE, "netns", name, ...cable);
    run("ip", "-n", this.#bridge, "link", "set", host, "master", "br0", "up");
    run("ip", "-n", name, "link", "set", "lo", "up");
    run("ip", "-n", name, "addr", "add", `${this.address(host)}/24`, "dev", INTERFACE);
    run("ip", "-n", name, "link", "set", INTERFACE, "up");
    this.#in(host, "nft", "add table inet cut");
    this.#in(host, "nft", "add chain inet cut arriving { type filter hook input priority 0; }");
  }

  #name(host: string): string {
    return `${PREFIX}${process.pid}-${host}`;
  }

  #in(host: string, command: string, ...args: readonly string[]): string {
    return run(...this.inside(host), command, ...args);
  }

  /** What starts a command on that machine, in front of it. */
  inside(host: string): [command: string, ...args: string[]] {
    return ["ip", "netns", "exec", this.#name(host)];
  }

  /**
   * One more machine, which only `gateway` reaches: that one has another interface, at `.1` of a network of their own. If it
   * lets out, the machine goes by it to all the others, who see the gateway's address, as from behind a router at home.
   * @returns the gateway's address there
   */
  addBehind(gateway: string, host: string, way: "out" | "none"): string {
    const [near, far] = [`10.78.${this.#behind.size}.1`, `10.78.${this.#behind.size}.2`];
    const name = this.#name(host);
    this.#behind.set(host, far);
    run("ip", "netns", "add", name);
    const cable = ["type", "veth", "peer", "name", host, "netns", this.#name(gateway)];
    run("ip", "link", "add", INTERFACE, "netns", name, ...cable);
    run("ip", "-n", this.#name(gateway), "addr", "add", `${near}/24`, "dev", host);
    run("ip", "-n", this.#name(gateway), "link", "set", host, "up");
    run("ip", "-n", name, "addr", "add", `${far}/24`, "dev", INTERFACE);
    run("ip", "-n", name, "link", "set", INTERFACE, "up");
    run("ip", "-n", name, "link", "set", "lo", "up");
    if (way === "none") return near;
    run("ip", "-n", name, "route", "add", "default", "via", near);
    this.#in(gateway, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    this.#in(gateway, "nft", "add table ip nat");
    this.#in(gateway, "nft", "add chain ip nat out { type nat hook postrouting priority 100; }");
    this.#in(gateway, "nft", `add rule ip nat out oifname ${INTERFACE} masquerade`);
    return near;
  }

  address(host: string): string {
    const behind = this.#behind.get(host);
    if (behind !== undefined) return behind;
    return `10.77.0.${this.#hosts.indexOf(host) + 1}`;
  }

  /** One more interface of a machine, that leads nowhere. */
  addDeadEnd(host: string, address: string): void {
    const name = this.#name(host);
    run("ip", "-n", name, "link", "add", "nowhere", "type", "veth", "peer", "name", "end");
    run("ip", "-n", name, "addr", "add", `${address}/24`, "dev", "nowhere");
    for (const end of ["nowhere", "end"]) run("ip", "-n", name, "link", "set", end, "up");
  }

  /** Of what one machine sends another, nothing arrives; or only a part, at random. */
  drop(from: string, to: string, percent = 100): void {
    const chance = percent < 100 ? `numgen random mod 100 < ${percent} ` : "";
    this.#in(to, "nft", `add rule inet cut arriving ip saddr ${this.address(from)} ${chance}drop`);
  }

  /** A firewall: whatever one machine begins with another is dropped, and what the other began goes on. */
  forbid(from: string, to: string): void {
    this.#in(
      to,
      "nft",
      `add rule inet cut arriving ip saddr ${this.address(from)} tcp flags & (syn | ack) == syn drop`,
    );
  }

  /** Nothing passes between the two, and nobody is told. */
  cut(one: string, other: string): void {
    this.drop(one, other);
    this.drop(other, one);
  }

  /** Everything passes again. */
  heal(): void {
    for (const host of this.#hosts) this.#in(host, "nft", "flush chain inet cut arriving");
  }

  /** How fast a machine sends. */
  slow(host: string, megabits: number): void {
    this.#in(
      host,
      "tc",
      ..."qdisc add dev".split(" "),
      INTERFACE,
      ..."root tbf burst 64kb latency 50ms".split(" "),
      "rate",
      `${megabits}mbit`,
    );
  }

  /**
   * What a machine sends is under way for so long, more or less, and now and then overtakes what was sent before.
   * @returns why that cannot be had here, if it cannot
   */
  delay(host: string, milliseconds: number): string | undefined {
    const netem = ["root", "netem", "delay", `${milliseconds}ms`, `${milliseconds / 2}ms`];
    return tried(...this.inside(host), "tc", "qdisc", "add", "dev", INTERFACE, ...netem).failure;
  }

  /** Bytes that have arrived on a machine. */
  arrived(host: string): number {
    return Number(this.#in(host, "cat", `/sys/class/net/${INTERFACE}/statistics/rx_bytes`));
  }

  remove(): void {
    open.delete(this);
    const names = [...this.#hosts, ...this.#behind.keys()].map((host) => this.#name(host));
    for (const name of [...names, this.#bridge]) tried("ip", "netns", "del", name);
  }
}
