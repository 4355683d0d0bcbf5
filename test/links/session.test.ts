import { describe, expect, it } from "vitest";
import type { LinkLike } from "../../packages/pydist-node/dist/links/index.js";
import type { LinkOptions } from "../../packages/pydist-node/dist/links/link-options.js";
import { random } from "../support/random.js";
import { rawResume } from "./raw-resume.js";
import { accepting, bytes, Cable, dialling, hello, linked, received, text } from "./support.js";

const MIB = 1024 * 1024;

/** Resolves when the link has lost its socket, or has another one. */
function next(link: LinkLike, event: "away" | "back"): Promise<void> {
  return new Promise((resolve) => link.once(event, () => resolve()));
}

async function throughCable(link: LinkOptions = {}) {
  const cable = new Cable();
  const [dialed, accepted] = await linked({ link, through: (port) => cable.listen(port) });
  return { cable, dialed, accepted };
}

/** Numbers that an end is sent, in the order of their arrival. */
function arrivals(link: LinkLike): number[] {
  const numbers: number[] = [];
  link.on("message", (message) => numbers.push(new DataView(message.buffer).getUint32(0)));
  return numbers;
}

function numbered(n: number, size = 4): Uint8Array {
  const message = new Uint8Array(Math.max(4, size));
  new DataView(message.buffer).setUint32(0, n);
  return message;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

describe("a link that loses its socket", () => {
  it("goes on over another one, and both ends are told", async () => {
    const { cable, dialed, accepted } = await throughCable();
    const told = [next(dialed, "away"), next(dialed, "back"), next(accepted, "away"), next(accepted, "back")];
    cable.cut();
    await Promise.all(told);
    expect([dialed.state, accepted.state]).toEqual(["open", "open"]);
    expect(cable.connections).toBe(2);
    const arrived = Promise.all([received(accepted), received(dialed)]);
    dialed.send(bytes("down"));
    accepted.send(bytes("up"));
    expect((await arrived).flat().map(text)).toEqual(["down", "up"]);
  });

  it("is not given up by one who was not there itself while the other could have come back", async () => {
    const { cable, dialed, accepted } = await throughCable({ reconnectGrace: 1000 });
    const away = Promise.all([next(dialed, "away"), next(accepted, "away")]);
    const back = Promise.all([next(dialed, "back"), next(accepted, "back")]);
    cable.cut();
    await away;
    // As a process that was stopped: both ends are in this one.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    await back;
    expect([dialed.state, accepted.state]).toEqual(["open", "open"]);
  });

  it("takes messages while it is away, and sends them when it is back", async () => {
    const { cable, dialed, accepted } = await throughCable({ reconnectGrace: 60_000 });
    const away = Promise.all([next(dialed, "away"), next(accepted, "away")]);
    cable.unplug();
    await away;
    expect([dialed.state, accepted.state]).toEqual(["away", "away"]);
    const arrived = Promise.all([received(accepted, 3), received(dialed, 2)]);
    expect(dialed.send(bytes("one"))).toBe(true);
    dialed.send(new Uint8Array(3 * MIB));
    dialed.send(bytes("two"));
    accepted.send(bytes("three"));
    accepted.send(bytes("four"));
    expect(dialed.buffered).toBeGreaterThan(3 * MIB);
    cable.plug();
    const [down, up] = await arrived;
    expect([down[0], down[2], ...up].map((message) => text(message as Uint8Array))).toEqual([
      ...["one", "two", "three", "four"],
    ]);
    expect(down[1]).toHaveLength(3 * MIB);
  });

  it("sends a large message on from where it was cut", async () => {
    const { cable, dialed, accepted } = await throughCable();
    const sent = new Uint8Array(64 * MIB).map((_, i) => (i * 31) >> 3);
    const arrived = received(accepted);
    dialed.send(sent);
    for (const part of [8, 24, 40]) {
      while (accepted.bytesIn < part * MIB) await new Promise((resolve) => setImmediate(resolve));
      cable.cut();
      await next(dialed, "back");
    }
    const [message] = await arrived;
    expect(Buffer.compare(message as Uint8Array, sent)).toBe(0);
    // Each cut repeats at most what the window lets be under way.
    expect(accepted.bytesIn).toBeLessThan(64 * MIB + 3 * 6 * MIB);
  });

  it("hears of what it holds back from a listener once only", async () => {
    const { cable, dialed, accepted } = await throughCable();
    accepted.send(bytes("one"));
    accepted.send(bytes("two"));
    const there = received(accepted);
    dialed.send(bytes("ping"));
    await there;
    const back = next(dialed, "back");
    cable.cut();
    await back;
    accepted.send(bytes("three"));
    expect((await received(dialed, 3)).map(text)).toEqual(["one", "two", "three"]);
  });

  it("survives a byte that was changed on the way", async () => {
    const { cable, dialed, accepted } = await throughCable();
    const back = next(dialed, "back");
    const numbers = arrivals(accepted);
    cable.corrupt();
    for (let n = 0; n < 1000; n++) dialed.send(numbered(n, 200));
    await back;
    dialed.send(numbered(1000));
    while (numbers.length < 1001) await new Promise((resolve) => setImmediate(resolve));
    expect(numbers).toEqual(upTo(1001));
  });

  it("closes orderly all the same: what was sent before arrives", async () => {
    const { cable, dialed, accepted } = await throughCable();
    cable.unplug();
    await next(dialed, "away");
    dialed.send(bytes("last words"));
    const arrived = received(accepted);
    const closed = dialed.close("leaving");
    cable.plug();
    expect(text((await arrived)[0] as Uint8Array)).toBe("last words");
    expect(await closed).toEqual({ kind: "local", detail: "leaving" });
    expect(await accepted.closed).toEqual({ kind: "closed-by-peer", detail: "leaving" });
  });

  it("closes in time when it is away and has nowhere to go", async () => {
    const { cable, dialed } = await throughCable({ closeTimeout: 50, reconnectGrace: 60_000 });
    cable.unplug();
    await next(dialed, "away");
    expect(await dialed.close("bye")).toEqual({ kind: "local", detail: "bye" });
    expect(dialed.state).toBe("closed");
  });

  it("ends at once when it is terminated while it is away", async () => {
    const { cable, dialed, accepted } = await throughCable({ reconnectGrace: 60_000 });
    cable.unplug();
    await next(dialed, "away");
    dialed.terminate("enough");
    expect(await dialed.closed).toEqual({ kind: "local", detail: "enough" });
    // The other end waits for its grace; here it is told to.
    accepted.terminate();
    await accepted.closed;
  });
});

describe("a link in silence", () => {
  const fast = { heartbeatInterval: 30, sessionGrace: 6000 };

  it("tries another socket when the one that it has is dead, and goes on", async () => {
    const { cable, dialed, accepted } = await throughCable(fast);
    const numbers = arrivals(accepted);
    const back = next(dialed, "back");
    cable.freeze();
    for (let n = 0; n < 100; n++) dialed.send(numbered(n));
    await next(dialed, "away");
    // The old connection hangs for ever; a new one passes.
    cable.thaw();
    await back;
    dialed.send(numbered(100));
    while (numbers.length < 101) await new Promise((resolve) => setImmediate(resolve));
    expect(numbers).toEqual(upTo(101));
    expect([dialed.state, accepted.state]).toEqual(["open", "open"]);
  });

  it("has the longer grace, too, when its socket is reset at last", async () => {
    const { cable, dialed, accepted } = await throughCable({ ...fast, heartbeatInterval: 20, reconnectGrace: 1 });
    const numbers = arrivals(accepted);
    const given = Promise.all(
      [dialed, accepted].map(
        (link) => new Promise<number>((resolve) => link.once("away", (_, grace) => resolve(grace))),
      ),
    );
    const back = Promise.all([next(dialed, "back"), next(accepted, "back")]);
    cable.freeze();
    dialed.send(numbered(0));
    await next(dialed, "away");
    // As a router does that restarted, and knows nothing of the connection any more.
    cable.unplug();
    for (const grace of await given) expect(grace).toBeGreaterThan(500);
    cable.plug();
    await back;
    dialed.send(numbered(1));
    while (numbers.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(numbers).toEqual(upTo(2));
    expect([dialed.state, accepted.state]).toEqual(["open", "open"]);
  });

  it("notices nothing of a pause that is shorter", async () => {
    const { cable, dialed, accepted } = await throughCable({ heartbeatInterval: 30, sessionGrace: 60_000 });
    const numbers = arrivals(accepted);
    cable.freeze();
    for (let n = 0; n < 100; n++) dialed.send(numbered(n));
    let ticks = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (++ticks < 5) return;
        clearInterval(timer);
        resolve();
      }, 30);
    });
    cable.thaw();
    while (numbers.length < 100) await new Promise((resolve) => setImmediate(resolve));
    expect(numbers).toEqual(upTo(100));
    expect(cable.connections).toBe(1);
  });
});

describe("a session that is over", () => {
  it("is not gone on with: the dialer's link ends as its socket did", async () => {
    const { cable, dialed, accepted } = await throughCable({ reconnectGrace: 60_000 });
    const away = next(accepted, "away");
    cable.unplug();
    await away;
    accepted.terminate("the node forgot");
    await accepted.closed;
    cable.plug();
    expect((await dialed.closed).kind).toBe("socket-closed");
  });

  it("ends when the same peer comes with a new one", async () => {
    const cable = new Cable();
    const { listener, links, nextLink } = await accepting({ link: { reconnectGrace: 60_000 } });
    const port = await cable.listen(listener.address.port);
    const first = await dialling(`127.0.0.1:${port}`, { link: { reconnectGrace: 1 } });
    const accepted = await nextLink();
    const away = next(accepted, "away");
    cable.unplug();
    await away;
    await first.closed;
    cable.plug();
    const second = await dialling(`127.0.0.1:${port}`);
    expect((await accepted.closed).kind).toBe("socket-closed");
    expect((await nextLink()).state).toBe("open");
    expect([links.length, second.state]).toEqual([2, "open"]);
  });

  it("is nobody else's to go on with", async () => {
    const { address, nextLink } = await accepting();
    const first = await dialling(address);
    const accepted = await nextLink();
    const theirs = await rawResume(address, hello("intruder"), accepted.peer.session);
    expect(theirs).not.toHaveProperty("taken");
    const arrived = received(accepted);
    first.send(bytes("still mine"));
    expect(text((await arrived)[0] as Uint8Array)).toBe("still mine");
  });

  it("whose peer claims to have taken in what was never sent, ends", async () => {
    const { address, nextLink } = await accepting();
    const first = await dialling(address);
    const accepted = await nextLink();
    await rawResume(address, hello("dialer"), accepted.peer.session, 1000);
    expect(await accepted.closed).toEqual({
      kind: "protocol-error",
      detail: "the peer sent an acknowledgement of what was never sent",
    });
    expect((await first.closed).kind).toBe("socket-closed");
  });
});

describe("whatever happens to the cable", () => {
  const COUNT = 4000;

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("all messages arrive once and in order, both ways (seed %i)", async (seed) => {
    const { cable, dialed, accepted } = await throughCable({
      heartbeatInterval: 20,
      reconnectGrace: 60_000,
      // A third of it is how long a dead socket is trusted.
      sessionGrace: 3000,
    });
    const chance = random(seed);
    const ends = [
      { link: dialed, numbers: arrivals(accepted), sent: 0 },
      { link: accepted, numbers: arrivals(dialed), sent: 0 },
    ];
    let faults = 0;
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    while (ends.some(({ numbers }) => numbers.length < COUNT)) {
      for (const end of ends) {
        for (let burst = Math.floor(chance() * 40); burst > 0 && end.sent < COUNT; burst--) {
          const size = chance() < 0.02 ? Math.floor(chance() * MIB) : Math.floor(chance() * 500);
          expect(end.link.send(numbered(end.sent++, size))).toBe(true);
        }
      }
      // Turns are short: a cable that fails without end in every one of them would carry nothing at all.
      const fault = faults < 50 ? chance() : 1;
      if (fault < 0.025) faults++;
      if (fault < 0.01) cable.cut();
      else if (fault < 0.02) cable.corrupt();
      else if (fault < 0.025) {
        cable.freeze();
        for (let i = Math.floor(chance() * 100); i > 0; i--) await turn();
        cable.thaw();
      }
      await turn();
    }
    for (const { numbers } of ends) expect(numbers).toEqual(upTo(COUNT));
  });
});
