import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AuthenticationError, ConnectionError } from "@pydist/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { dialUntil } from "../../packages/pydist-node/dist/links/index.js";
import { selfSigned } from "./certificate.js";
import { accepting, dialling, failure, hello, KEY, listenOnAnyPort, OTHER_KEY } from "./support.js";

const run = promisify(execFile);
const dialProgram = fileURLToPath(new URL("fixtures/dial.mjs", import.meta.url));

describe("who dials without the secret", () => {
  it("is closed, whatever it says: plain ws, TLS without it, garbage, or another cipher", async () => {
    const { address, links } = await accepting();
    const refused = async (url: string, options: object = {}) => {
      const ws = new WebSocket(url, options);
      return new Promise<string>((resolve) => {
        ws.on("open", () => resolve("open"));
        ws.on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
      });
    };
    expect(await refused(`ws://${address}/pydist`)).toBe("ECONNRESET");
    expect(await refused(`wss://${address}/pydist`)).toBe("EPROTO");
    expect(await refused(`wss://${address}/pydist`, { rejectUnauthorized: false })).toBe("EPROTO");
    expect(await refused(`wss://${address}/pydist`, { maxVersion: "TLSv1.2" })).toBe("EPROTO");

    const port = Number(address.split(":").at(-1));
    for (const garbage of [
      Buffer.alloc(100_000, 0x16),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.from([0x16, 3, 1]),
    ]) {
      const socket = raw(port);
      socket.end(garbage);
      await gone(socket);
    }
    await dialling(address);
    await expect.poll(() => links.length).toBe(1);
  });

  it("is closed when it says nothing in time", async () => {
    const { listener } = await accepting({ handshakeTimeout: 100 });
    await gone(raw(listener.address.port));
  });

  it("cannot take all places for long: too many are turned away, and old ones make room", async () => {
    const { listener, address, nextLink } = await accepting({ maxHandshakes: 4 });
    const sockets = Array.from({ length: 7 }, () => raw(listener.address.port));
    let closed = 0;
    for (const socket of sockets) socket.on("close", () => closed++);
    await expect.poll(() => closed).toBe(3);
    const link = await dialUntil([address], { key: KEY, secretSource: "x", hello: hello("dialer"), timeout: 4000 });
    expect((await nextLink()).peer.id).toBe("dialer");
    expect(closed).toBe(4);
    link.terminate();
    for (const socket of sockets) socket.destroy();
  });
});

describe("who answers without the secret", () => {
  it("but with a certificate that the machine trusts is refused, whatever the environment allows", async () => {
    const { cert, key } = selfSigned();
    const server = createHttpsServer({ cert, key, minVersion: "TLSv1.3" });
    new WebSocketServer({ server });
    let upgrades = 0;
    server.on("upgrade", () => upgrades++);
    const port = await listenOnAnyPort(server);
    const folder = mkdtempSync(join(tmpdir(), "pydist-impostor-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const trusted = join(folder, "ca.pem");
    writeFileSync(trusted, cert);

    const environments = [
      { NODE_EXTRA_CA_CERTS: trusted },
      { NODE_EXTRA_CA_CERTS: trusted, NODE_TLS_REJECT_UNAUTHORIZED: "0" },
      { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
      {},
    ];
    for (const env of environments) {
      const { stdout } = await run(process.execPath, [dialProgram, `127.0.0.1:${port}`], {
        env: { ...process.env, ...env },
      });
      expect(JSON.parse(stdout)).toEqual({
        name: "AuthenticationError",
        code: "PYDIST_E_AUTHENTICATION",
        message:
          `127.0.0.1:${port} showed a certificate instead of proving that it has the cluster's secret: it is no ` +
          "pydist node, or someone stands between. Check the address.",
      });
    }
    expect(upgrades).toBe(0);
    // The trap itself is set: without our check this very client would have connected.
    const naive = new WebSocket(`wss://127.0.0.1:${port}/`, { ca: cert, minVersion: "TLSv1.3" });
    await new Promise((resolve, reject) => naive.on("open", resolve).on("error", reject));
    naive.terminate();
  });

  it("but with another one is refused", async () => {
    const { address } = await accepting({ key: OTHER_KEY });
    expect(await failure(dialling(address))).toBeInstanceOf(AuthenticationError);
  });

  const others: [string, () => Promise<number>, RegExp][] = [
    ["a web server", () => listenOnAnyPort(createHttpServer()), /is no pydist node: something else answers there/],
    ["an echo", () => listenOnAnyPort(createServer((s) => s.pipe(s))), /is no pydist node/],
    ["an SSH server", () => listenOnAnyPort(createServer((s) => void s.write("SSH-2.0-x\r\n"))), /is no pydist node/],
    ["TLS without secret", () => listenOnAnyPort(createHttpsServer({})), /is no pydist node/],
    [
      "one that hangs up",
      () => listenOnAnyPort(createServer((s) => s.end())),
      /closed the connection during the handshake/,
    ],
    [
      "one that resets",
      () => listenOnAnyPort(createServer((s) => s.resetAndDestroy())),
      /closed the connection during/,
    ],
    ["one that is silent", () => listenOnAnyPort(createServer(() => {})), /did not answer within 150 ms/],
  ];
  it.each(others)("is named for what it is: %s", async (_name, listening, reason) => {
    const address = `127.0.0.1:${await listening()}`;
    // Only who is silent uses it up.
    const attemptTimeout = reason.source.includes("150 ms") ? 150 : 15_000;
    const error = await failure(dialling(address, { attemptTimeout }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toMatch(reason);
    expect(error.message.startsWith(address)).toBe(true);
    expect((error as ConnectionError).address).toBe(address);
  });
});

function raw(port: number): Socket {
  const socket = createConnection(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}
