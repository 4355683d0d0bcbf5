import { lookup } from "node:dns/promises";
import { createConnection, createServer, isIP } from "node:net";
import { PydistError } from "@pydist/protocol";
import { explainDialFailure } from "../links/failures.js";
import type { Hello } from "../links/hello.js";
import { dial, parseAddress, resolveNamed } from "../links/index.js";
import type { Named } from "../links/schemes.js";
import type { Secret } from "../links/secret.js";
import { VERSION } from "../version.js";
import { clientHello } from "./client.js";
import { type Check, fail, ok, warn } from "./doctor-check.js";
import { EXIT, exitCodeOf } from "./exit-codes.js";
import type { Settings } from "./settings.js";

type Peering = Pick<Settings, "cluster" | "connectTimeout">;

/** Whether a node could listen there now. */
export function checkPort(host: string, port: number): Promise<Check> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(warn("port", whyNot(error, host, port))));
    server.listen({ host, port, exclusive: true }, () => {
      const which = port === 0 ? "any free port" : `${port}`;
      server.close(() => resolve(ok("port", `${which} on ${host} is free`)));
    });
  });
}

function whyNot(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === "EADDRINUSE") {
    return `${port} on ${host} is taken by something that is no node of this cluster. Start nodes with --port 0, or another port.`;
  }
  return `${port} on ${host} cannot be listened at (${error.code}). Choose another --port or --host.`;
}

/** Undefined for an IP address, which needs no look-up. */
export async function checkName(address: string): Promise<Check | undefined> {
  const { host } = parseAddress(address);
  if (isIP(host) !== 0) return undefined;
  try {
    const found = await lookup(host, { all: true });
    return ok("name", `${host} is ${found.map((each) => each.address).join(", ")}`);
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

export function checkTcp(address: string, timeout: number): Promise<Check> {
  const { host, port } = parseAddress(address);
  return new Promise((resolve) => {
    const started = performance.now();
    const socket = createConnection({ host, port });
    const settle = (check: Check): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(check);
    };
    const late = `${address} did not answer within ${timeout} ms. Check the address, and firewalls between.`;
    const timer = setTimeout(() => settle(fail("reach", late, EXIT.unreachable)), timeout);
    socket.on("connect", () =>
      settle(ok("reach", `${address} answers after ${Math.ceil(performance.now() - started)} ms`)),
    );
    socket.on("error", (error) =>
      settle(fail("reach", explainDialFailure(error, address, "").message, EXIT.unreachable)),
    );
  });
}

/** Secret, cluster and version, in the order in which a link finds out. */
export async function checkHandshake(address: string, peering: Peering, secret: Secret): Promise<Check[]> {
  try {
    return describe(await greeted(address, peering, secret), peering.cluster);
  } catch (error) {
    if (!(error instanceof PydistError)) throw error;
    return [fail("handshake", error.message, exitCodeOf(error))];
  }
}

/** Who is at the address, if it is a node that lets this process in. */
export async function identify(address: string, peering: Peering, secret: Secret): Promise<Hello | undefined> {
  try {
    return await greeted(address, peering, secret);
  } catch (error) {
    if (error instanceof PydistError) return undefined;
    throw error;
  }
}

async function greeted(address: string, { cluster, connectTimeout }: Peering, secret: Secret): Promise<Hello> {
  const { key, source } = secret;
  const hello = clientHello(cluster);
  const link = await dial(address, { key, secretSource: source, hello, attemptTimeout: connectTimeout });
  await link.close("that was all");
  return link.peer;
}

function describe(peer: Hello, cluster: string): Check[] {
  const handshake = ok("handshake", `"${peer.name}" has the same secret and the cluster "${cluster}"`);
  const versions = `pydist ${peer.version}, Node ${peer.node.replace(/^v/, "")}`;
  if (peer.version === VERSION) return [handshake, ok("versions", `it has ${versions}`)];
  const message = `it has ${versions}, this is pydist ${VERSION}. They understand each other; better install one release on both.`;
  return [handshake, warn("versions", message)];
}
