import {
  AuthenticationError,
  ConnectionError,
  CycleError,
  ShutdownError,
  VersionMismatchError,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { formatAddress } from "../../packages/pydist-node/dist/links/index.js";
import { clientTlsOptions } from "../../packages/pydist-node/dist/links/tls.js";
import { freePort } from "../support/ports.js";
import { accepting, bytes, dialling, failure, hello, KEY, OTHER_KEY, received, recorder, text } from "./support.js";

describe("two sides with different secrets", () => {
  it.each([
    ["the dialer's", KEY, OTHER_KEY],
    ["the listener's", OTHER_KEY, KEY],
  ])("%s being the wrong one: both are told, and the right one still gets in", async (_name, key, theirs) => {
    const { lines, logger } = recorder();
    const { address, nextLink, links } = await accepting({ key, logger });
    const error = await failure(dialling(address, { key: theirs }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toBe(
      `${address} has a different secret than this process, whose secret comes from the-file. Compare the two: ` +
        "`pydist-node secret` on each machine says where its secret is. Copy the root's to the other one.",
    );
    expect(lines.join()).toMatch(/^Refused a peer 127\.0\.0\.1:\d+ PYDIST_E_AUTHENTICATION it has a different secret$/);
    expect(links).toEqual([]);
    await dialling(address, { key });
    expect((await nextLink()).peer.id).toBe("dialer");
  });
});

describe("two sides that do not fit", () => {
  it("by their versions: both name both", async () => {
    const { lines, logger } = recorder();
    const { address, links } = await accepting({
      logger,
      hello: () => hello("new", { protocol: { min: 2, max: 3 }, version: "0.9.0" }),
    });
    const error = (await failure(dialling(address))) as VersionMismatchError;
    expect(error).toBeInstanceOf(VersionMismatchError);
    expect(error.message).toBe(
      `This process (pydist 0.1.0) speaks version 1 of the link protocol, the peer ${address} (pydist 0.9.0) version 2-3. ` +
        "Install the same release of pydist on both.",
    );
    expect([error.ours, error.theirs]).toEqual(["1", "2-3"]);
    expect(lines.join()).toMatch(
      /^Refused a peer 127\.0\.0\.1:\d+ PYDIST_E_VERSION_MISMATCH This process \(pydist 0\.9\.0\) speaks version 2-3 of the link protocol, the peer 127\.0\.0\.1:\d+ \(pydist 0\.1\.0\) version 1\./,
    );
    expect(links).toEqual([]);
  });

  it("by their versions, even if the rest of the hello is not understood", async () => {
    const { address } = await accepting();
    const ws = await opened(address);
    ws.send(JSON.stringify({ protocol: { min: 7, max: 7 }, version: "3.0.0", everything: "else is new" }));
    const answer = JSON.parse(await nextText(ws));
    expect(answer.refuse.code).toBe("PYDIST_E_VERSION_MISMATCH");
    expect(answer.refuse.hello.protocol).toEqual({ min: 1, max: 1 });
  });

  it("by their clusters: both name both", async () => {
    const { lines, logger } = recorder();
    const { address } = await accepting({ logger, hello: () => hello("acceptor", { cluster: "blue" }) });
    const error = await failure(dialling(address, { hello: hello("dialer", { cluster: "red" }) }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toBe(
      `This process belongs to the cluster "red", the peer ${address} ("acceptor") to the cluster "blue". ` +
        "Set cluster (--cluster, PYDIST_CLUSTER) to the same name on both, or use another address.",
    );
    expect(lines.join()).toContain('This process belongs to the cluster "blue"');
  });

  it("but use the highest version that both speak", async () => {
    const { address, nextLink } = await accepting({ hello: () => hello("a", { protocol: { min: 1, max: 3 } }) });
    const dialed = await dialling(address, { hello: hello("d", { protocol: { min: 0, max: 2 } }) });
    expect([dialed.protocol, (await nextLink()).protocol]).toEqual([2, 2]);
  });
});

describe("the layer above", () => {
  it("sees the hello before it is answered, and may take its time", async () => {
    const seen: string[] = [];
    let accept: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      accept = resolve;
    });
    const { address, nextLink } = await accepting({
      onHello: async (theirs) => {
        seen.push(`${theirs.id} ${JSON.stringify(theirs.extra)}`);
        await asked;
        seen.push("accepted");
        return "accept" as const;
      },
    });
    const dialing = dialling(address, { hello: hello("dialer", { extra: { ancestors: ["root"] } }) });
    void dialing.then(() => seen.push("linked"));
    await expect.poll(() => seen.length).toBe(1);
    accept();
    const dialed = await dialing;
    const accepted = await nextLink();
    expect(seen).toEqual(['dialer {"ancestors":["root"]}', "accepted", "linked"]);
    const arrived = received(dialed);
    accepted.send(bytes("hi"));
    expect(text((await arrived)[0] as Uint8Array)).toBe("hi");
  });

  it("refuses a cycle, and the dialer gets that very error", async () => {
    const { address, links } = await accepting({
      onHello: () => {
        throw new CycleError("This would create a cycle: a > b > a.", { cycle: ["a", "b", "a"] });
      },
    });
    const error = (await failure(dialling(address))) as CycleError;
    expect(error).toBeInstanceOf(CycleError);
    expect(error.message).toBe("This would create a cycle: a > b > a.");
    expect(error.cycle).toEqual(["a", "b", "a"]);
    expect(links).toEqual([]);
  });

  it("refuses for other reasons: shutting down, busy, or a mistake of its own that stays at home", async () => {
    const reasons: Error[] = [new ShutdownError("draining"), new ConnectionError("full"), new TypeError("a bug: x.y")];
    const { lines, logger } = recorder();
    const { address } = await accepting({
      logger,
      onHello: () => {
        throw reasons.shift() as Error;
      },
    });
    const errors = [
      await failure(dialling(address)),
      await failure(dialling(address)),
      await failure(dialling(address)),
    ];
    expect(errors[0]).toBeInstanceOf(ShutdownError);
    expect(errors.map(({ message }) => message)).toEqual([
      "draining",
      `${address} refused the connection: full`,
      `${address} refused the connection: it failed while looking at the hello`,
    ]);
    expect(errors[2]).toBeInstanceOf(ConnectionError);
    expect(lines[2]).toContain("a bug: x.y");
  });
});

describe("a peer with the secret that does not keep to the protocol", () => {
  it.each([
    ["not JSON", "{"],
    ["not a hello", "{}"],
    ["a field of the wrong type", JSON.stringify({ ...hello("x"), protocol: { min: 1, max: 1 }, workers: "many" })],
    ["too long", JSON.stringify({ ...hello("x"), extra: { x: "x".repeat(70_000) } })],
    ["binary", bytes("hello")],
  ])("is refused when its hello is %s", async (_name, first) => {
    const { address, links } = await accepting();
    const ws = await opened(address);
    ws.send(first);
    expect(JSON.parse(await nextText(ws)).refuse.code).toBe("PYDIST_E_CONNECTION");
    await closed(ws);
    expect(links).toEqual([]);
  });

  it("is cut off when it says nothing in time", async () => {
    const { address } = await accepting({ helloTimeout: 100 });
    await closed(await opened(address));
  });

  it("is cut off when it does not wait for the answer to its hello", async () => {
    const { address, links } = await accepting({
      onHello: () => new Promise((resolve) => setTimeout(resolve, 50, "accept" as const)),
    });
    const ws = await opened(address);
    ws.send(rawHello());
    ws.send(bytes("impatient"));
    await closed(ws);
    expect(links).toEqual([]);
  });

  it.each([
    ["garbage", bytes("what is this?"), /protocol error: this side received a message of unknown kind 119/],
    ["text", "text", /protocol error: this side received a text message after the hello/],
    [
      "an acknowledgement too many",
      new Uint8Array([3, 0, 0, 0, 5, 0, 0, 0]),
      /an acknowledgement of what was never sent/,
    ],
  ])("is told so and closed when it sends %s", async (_name, garbage, answer) => {
    const { address, nextLink } = await accepting();
    const ws = await opened(address);
    ws.send(rawHello());
    const link = await nextLink();
    const lastWords = new Promise<string>((resolve) => {
      ws.on("message", (data: Buffer, isBinary) => isBinary && data[0] === 6 && resolve(data.subarray(8).toString()));
    });
    ws.send(garbage);
    expect(await lastWords).toMatch(answer);
    expect((await link.closed).kind).toBe("protocol-error");
  });

  it("is closed before memory is spent when a message is too long", async () => {
    const { address, nextLink } = await accepting();
    const ws = await opened(address);
    ws.send(rawHello());
    const link = await nextLink();
    ws.send(new Uint8Array(2 * 1024 * 1024));
    expect(await link.closed).toEqual({ kind: "protocol-error", detail: "Max payload size exceeded" });
    expect(link.bytesIn).toBeLessThan(1024);
  });

  it("never reaches the browser's pages: an Origin is answered 403, other paths 404, other requests 426", async () => {
    const { address, links } = await accepting();
    expect(await statusOf(address, "/pydist", { origin: "http://evil.example" })).toBe(403);
    expect(await statusOf(address, "/", {})).toBe(404);
    expect(links).toEqual([]);
  });
});

describe("a listener", () => {
  it("says that its port is taken, and what to do", async () => {
    const { listener } = await accepting();
    const { port } = listener.address;
    const error = await failure(accepting({ port }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe(
      `Port ${port} on 127.0.0.1 is taken by another process. Choose another one with --port, or --port 0 for any that is free.`,
    );
  });

  it("says that a host is not its own", async () => {
    const error = await failure(accepting({ host: "192.0.2.1" }));
    expect(error.message).toBe(
      "192.0.2.1 is no address of this machine. Choose one of its own with --host, or 0.0.0.0 for all of them.",
    );
  });

  it("frees its port at once when closed, and leaves its links alone", async () => {
    const { listener, address, nextLink } = await accepting({ port: await freePort() });
    const dialed = await dialling(address);
    const accepted = await nextLink();
    const waiting = await opened(address);
    await listener.close();
    await closed(waiting);
    const again = await accepting({ port: listener.address.port });
    expect(formatAddress(again.listener.address)).toBe(address);
    const arrived = received(accepted);
    dialed.send(bytes("still linked"));
    expect(text((await arrived)[0] as Uint8Array)).toBe("still linked");
  });
});

/** A WebSocket with the secret, of which the test decides every message. */
async function opened(address: string): Promise<WebSocket> {
  const ws = new WebSocket(`wss://${address}/pydist`, { ...clientTlsOptions(KEY), perMessageDeflate: false });
  ws.on("error", () => {});
  await new Promise((resolve) => ws.once("open", resolve));
  return ws;
}

function rawHello(): string {
  const process = { node: "v20.0.0", pid: 1, host: "h", os: "linux", arch: "x64", extra: {} };
  return JSON.stringify({ ...hello("raw"), ...process, session: "raw", protocol: { min: 1, max: 1 } });
}

function nextText(ws: WebSocket): Promise<string> {
  return new Promise((resolve) => ws.once("message", (data) => resolve(String(data))));
}

function closed(ws: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    if (ws.readyState === WebSocket.CLOSED) resolve();
    else ws.once("close", () => resolve());
  });
}

function statusOf(address: string, path: string, options: { origin?: string }): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`wss://${address}${path}`, { ...clientTlsOptions(KEY), ...options });
    ws.on("error", reject);
    ws.on("unexpected-response", (request, response) => {
      request.destroy();
      resolve(response.statusCode);
    });
  });
}
