import { describe, expect, it } from "vitest";
import { type LinkLike, memoryLinks } from "../../packages/pydist-node/dist/links/index.js";
import { bytes, Cable, hello, linked, received, text } from "./support.js";

const MIB = 1024 * 1024;

/** Bytes that differ everywhere, so that a part in the wrong place is seen. */
function pattern(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761);
  return new Uint8Array(words.buffer, 0, length);
}

const kinds: [string, () => Promise<[LinkLike, LinkLike]>][] = [
  ["over a socket", () => linked()],
  ["in memory", async () => memoryLinks(hello("dialer"), hello("acceptor"))],
];

describe.each(kinds)("a link %s", (_name, connect) => {
  it("knows its peer", async () => {
    const [dialed, accepted] = await connect();
    expect(dialed.peer).toMatchObject({ id: "acceptor", pid: process.pid, workers: 2 });
    expect(accepted.peer).toMatchObject({ id: "dialer", node: process.version, os: process.platform });
    expect([dialed.direction, accepted.direction]).toEqual(["dialed", "accepted"]);
    expect([dialed.protocol, accepted.protocol]).toEqual([1, 1]);
    expect(dialed.state).toBe("open");
  });

  it("carries messages both ways, in order, as copies with memory of their own", async () => {
    const [dialed, accepted] = await connect();
    accepted.on("message", (message) => accepted.send(message));
    const sent = Array.from({ length: 500 }, (_, i) => bytes(`message ${i} ${"x".repeat(i)}`));
    const back = received(dialed, 500);
    for (const message of sent) expect(dialed.send(message)).toBe(true);
    const messages = await back;
    expect(messages.map(text)).toEqual(sent.map(text));
    for (const message of messages) expect(message.buffer.byteLength).toBe(message.length);
    expect(dialed.bytesOut).toBeGreaterThan(500 * 10);
    expect(dialed.bytesIn).toBeGreaterThan(500 * 10);
  });

  it("keeps messages for a listener that comes late", async () => {
    const [dialed, accepted] = await connect();
    accepted.send(bytes("one"));
    accepted.send(bytes("two"));
    accepted.send(bytes("three"));
    // Round trip in the other direction: by then the three have arrived.
    const there = received(accepted);
    dialed.send(bytes("ping"));
    await there;
    await new Promise((resolve) => setImmediate(resolve));
    const first = await new Promise<Uint8Array>((resolve) => dialed.once("message", resolve));
    expect(text(first)).toBe("one");
    expect((await received(dialed, 2)).map(text)).toEqual(["two", "three"]);
  });

  it("sends only the newest of those that wait under a key", async () => {
    const [dialed, accepted] = await connect();
    const arrived = received(accepted, 2);
    dialed.latest("load", bytes("old"));
    dialed.latest("load", bytes("new"));
    dialed.send(bytes("end"));
    expect((await arrived).map(text)).toEqual(["new", "end"]);
  });

  it("closes orderly: what was sent before arrives, and both know why", async () => {
    const [dialed, accepted] = await connect();
    const arrived = received(accepted, 101);
    for (let i = 0; i < 100; i++) dialed.send(bytes(`${i}`));
    dialed.send(new Uint8Array(3 * MIB));
    const closed = dialed.close("leaving for good");
    expect(dialed.state).toBe("closing");
    expect(dialed.send(bytes("too late"))).toBe(false);
    expect((await arrived).at(-1)).toHaveLength(3 * MIB);
    expect(await closed).toEqual({ kind: "local", detail: "leaving for good" });
    expect(await accepted.closed).toEqual({ kind: "closed-by-peer", detail: "leaving for good" });
    expect([dialed.state, accepted.state]).toEqual(["closed", "closed"]);
    expect(accepted.send(bytes("x"))).toBe(false);
    expect(await accepted.close()).toEqual(accepted.closeReason);
  });

  it("emits close once, also when it is terminated", async () => {
    const [dialed, accepted] = await connect();
    const reasons: string[] = [];
    dialed.on("close", ({ kind }) => reasons.push(`dialed ${kind}`));
    accepted.on("close", ({ kind }) => reasons.push(`accepted ${kind}`));
    dialed.terminate("enough");
    dialed.terminate("enough");
    await Promise.all([dialed.closed, accepted.closed]);
    expect(reasons.sort()).toEqual(["accepted socket-closed", "dialed local"]);
    expect(dialed.closeReason?.detail).toBe("enough");
    const late = new Promise((resolve) => dialed.on("close", resolve));
    expect(await late).toBe(dialed.closeReason);
  });
});

describe("frames", () => {
  const HEADER = 8;
  const PING = 16;

  it("carry all sends of one tick together", async () => {
    const [dialed, accepted] = await linked({ link: { heartbeatInterval: 60_000 } });
    const arrived = received(accepted, 1000);
    const before = dialed.bytesOut;
    for (let i = 0; i < 1000; i++) dialed.send(bytes("1234567890"));
    await arrived;
    // One header for a thousand messages; the answer to the peer's first ping may be among what was counted.
    expect([HEADER, HEADER + PING]).toContain(dialed.bytesOut - before - 1000 * (10 + 4));
  });

  it("grow while one is under way, and leave at once when none is", async () => {
    const [dialed, accepted] = await linked({ link: { heartbeatInterval: 60_000 } });
    const arrived = received(accepted, 50);
    const before = dialed.bytesOut;
    for (let i = 0; i < 50; i++) {
      dialed.send(bytes("1234567890"));
      // Another tick, but no time for the peer to acknowledge.
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    await arrived;
    // The first went alone, the other 49 together.
    expect([2 * HEADER, 2 * HEADER + PING]).toContain(dialed.bytesOut - before - 50 * (10 + 4));
  });
});

describe("large messages", () => {
  it.each([64 * 1024, 64 * 1024 + 1, 256 * 1024, 256 * 1024 + 1, MIB + 1, 5 * MIB - 1])(
    "arrive whole: %i bytes",
    async (size) => {
      const [dialed, accepted] = await linked();
      accepted.on("message", (message) => accepted.send(message));
      const sent = pattern(size);
      const back = received(dialed, 3);
      dialed.send(bytes("before"));
      dialed.send(sent);
      dialed.send(bytes("after"));
      const [before, large, after] = await back;
      expect([text(before as Uint8Array), text(after as Uint8Array)]).toEqual(["before", "after"]);
      expect(Buffer.compare(large as Uint8Array, sent)).toBe(0);
      expect(large?.buffer.byteLength).toBe(size);
    },
  );

  it("of 64 MiB leave room for pings on a slow link, in both directions", async () => {
    const cable = new Cable();
    const [dialed, accepted] = await linked({
      // Silent for 1 s would end it, and the transfer takes longer than that.
      link: { heartbeatInterval: 50, sessionGrace: 1000 },
      through: (port) => cable.listen(port, 40e6),
    });
    const sent = pattern(64 * MIB);
    const started = performance.now();
    const both = Promise.all([received(accepted), received(dialed)]);
    dialed.send(sent);
    accepted.send(sent);
    const roundTrips = new Set<number>();
    const watch = setInterval(() => {
      for (const { rtt } of [dialed, accepted]) if (rtt !== undefined) roundTrips.add(rtt);
    }, 20);
    const [[there], [back]] = await both;
    clearInterval(watch);
    const took = performance.now() - started;
    expect(Buffer.compare(there as Uint8Array, sent)).toBe(0);
    expect(Buffer.compare(back as Uint8Array, sent)).toBe(0);
    expect(took).toBeGreaterThan(1000);
    expect(roundTrips.size).toBeGreaterThan(4);
    for (const rtt of roundTrips) expect(rtt).toBeLessThan(took / 2);
  });

  it("above the limit are refused where they are sent", async () => {
    const [dialed] = await linked({ link: { maxMessageBytes: 1000 } });
    expect(() => dialed.send(new Uint8Array(1001))).toThrow(
      /^A message of 1001 bytes was to be sent to acceptor at 127\.0\.0\.1:\d+; the limit is 1000\. Split the data/,
    );
    expect(dialed.send(new Uint8Array(1000))).toBe(true);
  });

  it("are reported as buffered until they have left, and drain tells when", async () => {
    const [dialed, accepted] = await linked();
    const arrived = received(accepted, 8);
    const drained = new Promise<number>((resolve) => dialed.once("drain", () => resolve(dialed.buffered)));
    for (let i = 0; i < 8; i++) dialed.send(new Uint8Array(2 * MIB));
    expect(dialed.buffered).toBeGreaterThan(16 * MIB);
    expect(await drained).toBeLessThanOrEqual(MIB);
    await arrived;
    expect(dialed.buffered).toBe(0);
  });
});

describe("a link whose peer is gone", () => {
  const fast = { heartbeatInterval: 30, sessionGrace: 250 };

  it("without a word closes as silent on both sides", async () => {
    const cable = new Cable();
    const [dialed, accepted] = await linked({ link: fast, through: (port) => cable.listen(port) });
    const arrived = received(accepted);
    dialed.send(bytes("alive"));
    await arrived;
    const started = performance.now();
    cable.freeze();
    const detail = "nothing arrived for 250 ms";
    expect(await dialed.closed).toEqual({ kind: "silent", detail });
    expect(await accepted.closed).toEqual({ kind: "silent", detail });
    expect(performance.now() - started).toBeGreaterThan(200);
  });

  it("with a reset, and does not come back, closes as socket-closed on both sides", async () => {
    const cable = new Cable();
    const link = { reconnectGrace: 100 };
    const [dialed, accepted] = await linked({ link, through: (port) => cable.listen(port) });
    cable.unplug();
    expect((await dialed.closed).kind).toBe("socket-closed");
    expect((await accepted.closed).kind).toBe("socket-closed");
  });

  it("still closes in time when an orderly close gets no answer", async () => {
    const cable = new Cable();
    const [dialed] = await linked({ link: { closeTimeout: 100 }, through: (port) => cable.listen(port) });
    cable.freeze();
    dialed.send(new Uint8Array(20 * MIB));
    expect(await dialed.close("bye")).toEqual({ kind: "local", detail: "bye" });
  });

  it("is not accused when this process itself stood still", async () => {
    const [dialed, accepted] = await linked({ link: fast });
    accepted.on("message", (message) => accepted.send(message));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    const back = received(dialed);
    dialed.send(bytes("still here"));
    expect(text((await back)[0] as Uint8Array)).toBe("still here");
    expect([dialed.state, accepted.state]).toEqual(["open", "open"]);
  });

  it("stays open while idle, and measures its round trip", async () => {
    const [dialed, accepted] = await linked({ link: fast });
    let ticks = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (++ticks < 20) return;
        clearInterval(timer);
        resolve();
      }, 30);
    });
    expect([dialed.state, accepted.state]).toEqual(["open", "open"]);
    expect(dialed.rtt).toBeGreaterThan(0);
    expect(dialed.rtt).toBeLessThan(250);
  });
});
