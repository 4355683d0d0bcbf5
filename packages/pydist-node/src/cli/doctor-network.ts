import { lookup } from "node:dns/promises";
import { createConnection, createServer, isIP } from "node:net";
import { AuthenticationError, PydistError } from "@pydist/protocol";
import { isLoopback } from "../links/address.js";
import { explainDialFailure } from "../links/failures.js";
import type { Hello } from "../links/hello.js";
import { dial, formatAddress, parseAddress, resolveNamed } from "../links/index.js";
import type { Named } from "../links/schemes.js";
import type { Secret } from "../links/secret.js";
import { VERSION } from "../version.js";
import { clientHello } from "./client.js";
import { type Check, fail, ok, warn } from "./doctor-check.js";
import { EXIT, exitCodeOf } from "./exit-codes.js";
import { duration } from "./output.js";
import { portOwner } from "./port-owner.js";
import { secretFacts } from "./secret.js";
import type { Settings } from "./settings.js";

type Peering = Pick<Settings, "cluster" | "connectTimeout">;

/** Whether a node could listen there now. */
export function checkPort(host: string, port: number): Promise<Check> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      void whyNot(error, host, port).then((message) => resolve(warn("port", message)));
    });
    server.listen({ host, port, exclusive: true }, () => {
      const which = port === 0 ? "any free port" : `${port}`;
      server.close(() => resolve(ok("port", `${which} on ${host} is free`)));
    });
  });
}

async function whyNot(error: NodeJS.ErrnoException, host: string, port: number): Promise<string> {
  if (error.code === "EADDRINUSE") {
    const owner = await portOwner(port);
    const who = owner === undefined ? "" : ` (process ${owner.pid}: ${owner.command})`;
    return (
      `${port} on ${host} is taken by something that is no node of this cluster${who}. ` +
      "Start nodes with --port 0, or another port."
    );
  }
  return `${port} on ${host} cannot be listened at (${error.code}). Choose another --port or --host.`;
}

/** Undefined for an IP address, which needs no look-up. */
export async function checkName(address: string): Promise<Check | undefined> {
  const { host } = parseAddress(address);
  if (isIP(host) !== 0) return undefined;
  try {
    const found = (await lookup(host, { all: true })).map((each) => each.address);
    if (host === "localhost" || !found.every(isLoopback)) return ok("name", `${host} is ${found.join(", ")}`);
    return warn(
      "name",
      `${host} is ${found.join(", ")} here, which is this machine itself, where a node may not listen. ` +
        "Use the IP address of the machine that you mean.",
    );
  } catch (error) {
    return fail("name", explainDialFailure(error as Error, address, "").message, EXIT.unreachable);
  }
}

/** Where an address with a scheme leads to; the check that says so, or why it leads nowhere. */
export async function checkFound(address: string, named: Named, peering: Peering): Promise<[Check, string?]> {
  const { connectTimeout: timeout } = peering;
  try {
    for await (const place of resolveNamed(named, address, { cluster: named.cluster || peering.cluster, timeout })) {
      return [ok("found", `${address} leads to ${place}`), place];
    }
    return [fail("found", `${address} leads nowhere.`, EXIT.unreachable)];
  } catch (error) {
    if (!(error instanceof PydistError)) throw error;
    return [fail("found", error.message, exitCodeOf(error))];
  }
}

/** How a machine takes a connection: at once, not at all, or it says nothing in that time. */
function connected(host: string, port: number, timeout: number): Promise<"connected" | "silent" | Error> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const settle = (outcome: "connected" | "silent" | Error): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => settle("silent"), timeout);
    socket.on("connect", () => settle("connected"));
    socket.on("error", settle);
  });
}

/** Whether anything listens there. */
export async function reaches(address: string, timeout: number): Promise<boolean> {
  const { host, port } = parseAddress(address);
  return (await connected(host, port, timeout)) === "connected";
}

export async function checkTcp(address: string, timeout: number): Promise<Check> {
  const { host, port } = parseAddress(address);
  const started = performance.now();
  const outcome = await connected(host, port, timeout);
  if (outcome === "connected")
    return ok("reach", `${address} answers after ${Math.ceil(performance.now() - started)} ms`);
  if (outcome === "silent") {
    const late =
      `${address}: nothing came back within ${timeout} ms, not even a refusal. A firewall on the way or on that machine drops ` +
      "what is sent to that port, or the machine is off. Let the port in there, or check the address.";
    return fail("reach", late, EXIT.unreachable);
  }
  const hint = await otherFamily(host, port, timeout);
  return fail("reach", `${explainDialFailure(outcome, address, "").message}${hint}`, EXIT.unreachable);
}

/** On its own machine, a node may listen by the other kind of address. */
async function otherFamily(host: string, port: number, timeout: number): Promise<string> {
  if (!isLoopback(host) || isIP(host) === 0) return "";
  const other = isIP(host) === 4 ? "::1" : "127.0.0.1";
  if ((await connected(other, port, timeout)) !== "connected") return "";
  return ` Something does listen at ${formatAddress({ host: other, port })}: use that address, or start the node with --host ${host}.`;
}

/** Secret, cluster and version, in the order in which a link finds out. */
export async function checkHandshake(address: string, peering: Peering, secret: Secret): Promise<Check[]> {
  try {
    const { peer, ...clock } = await greeted(address, peering, secret);
    return [...describe(peer, peering.cluster), ...clocks(peer, clock)];
  } catch (error) {
    if (!(error instanceof PydistError)) throw error;
    return [fail("handshake", `${error.message}${await comparison(error, secret)}`, exitCodeOf(error))];
  }
}

/** What to compare, if the secrets are what differs: then the handshake itself has failed. */
async function comparison(error: PydistError, secret: Secret): Promise<string> {
  if (!(error instanceof AuthenticationError) || error.cause === undefined) return "";
  const { fingerprint } = await secretFacts(secret);
  return ` The fingerprint here is ${fingerprint}; it has to be the same there.`;
}

/** Who is at the address, if it is a node that lets this process in. */
export async function identify(address: string, peering: Peering, secret: Secret): Promise<Hello | undefined> {
  try {
    return (await greeted(address, peering, secret)).peer;
  } catch (error) {
    if (error instanceof PydistError) return undefined;
    throw error;
  }
}

interface Greeted {
  readonly peer: Hello;
  /** By how many milliseconds the peer's clock is ahead of this one's; undefined if it does not say. */
  readonly ahead: number | undefined;
  /** How wrong that may be: the answer was under way so long. */
  readonly doubt: number;
}

async function greeted(address: string, { cluster, connectTimeout }: Peering, secret: Secret): Promise<Greeted> {
  const { key, source } = secret;
  const hello = clientHello(cluster);
  const asked = Date.now();
  const link = await dial(address, { key, secretSource: source, hello, attemptTimeout: connectTimeout });
  const doubt = Date.now() - asked;
  const { peer } = link;
  await link.close("that was all");
  return { peer, ahead: peer.time === undefined ? undefined : peer.time - asked - doubt / 2, doubt };
}

function describe(peer: Hello, cluster: string): Check[] {
  const handshake = ok("handshake", `"${peer.name}" has the same secret and the cluster "${cluster}"`);
  const versions = `pydist ${peer.version}, Node ${peer.node.replace(/^v/, "")}`;
  if (peer.version === VERSION) return [handshake, ok("versions", `it has ${versions}`)];
  const message = `it has ${versions}, this is pydist ${VERSION}. They understand each other; better install one release on both.`;
  return [handshake, warn("versions", message)];
}

/** Milliseconds by which two clocks may differ before lines of their logs seem to be in the wrong order to people. */
const CLOCKS_APART = 2000;

function clocks({ name }: Hello, { ahead, doubt }: Omit<Greeted, "peer">): Check[] {
  if (ahead === undefined) return [];
  const apart = Math.abs(ahead);
  if (apart <= CLOCKS_APART + doubt) return [ok("clock", `it agrees with that of "${name}"`)];
  const how = ahead > 0 ? "ahead of" : "behind";
  return [
    warn(
      "clock",
      `that of "${name}" is ${duration(apart)} ${how} this machine's. Tasks do not mind, but times in logs do not fit ` +
        "together. Set both by NTP.",
    ),
  ];
}
