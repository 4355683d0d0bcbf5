import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Outbox } from "../../packages/pydist-node/dist/links/outbox.js";
import { bytes, text } from "./support.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const LIMITS = { frameBytes: 100, largeBytes: 50, windowBytes: 300, socketBytes: 200 };

function outbox() {
  const box = new Outbox(LIMITS);
  return {
    box,
    /** All that may leave now, in short: batches as their messages, parts as their range. */
    leaving(inSocket = 0): string[] {
      const out: string[] = [];
      for (;;) {
        const departure = box.next(inSocket);
        if (departure === undefined) return out;
        if (departure.kind === "batch") out.push(`batch ${departure.messages.map(text).join(" ")}`);
        else if (departure.kind === "close") out.push(`close ${departure.reason}`);
        else {
          const { first, last, payload, total } = departure;
          out.push(`part ${first ? "first " : ""}${last ? "last " : ""}${payload.length} of ${total}`);
        }
      }
    },
  };
}

describe("the outbox", () => {
  it("lets the first message leave at once and holds the next until it is acknowledged", () => {
    const { box, leaving } = outbox();
    box.push(bytes("a"));
    expect(leaving()).toEqual(["batch a"]);
    box.push(bytes("b"));
    expect(leaving()).toEqual([]);
    box.push(bytes("c"));
    expect(leaving()).toEqual([]);
    expect(box.acknowledge(1)).toBe(true);
    expect(leaving()).toEqual(["batch b c"]);
    box.acknowledge(2);
    box.push(bytes("d"));
    expect(leaving()).toEqual(["batch d"]);
  });

  it("sends what was queued in one tick as one batch, up to its limit", () => {
    const { box, leaving } = outbox();
    // 16 bytes and a length of 4 each: five fit into 100.
    for (let i = 0; i < 12; i++) box.push(bytes(String(i).padStart(16, "x")));
    expect(leaving().map((batch) => batch.split(" ").length - 1)).toEqual([5, 5]);
    box.acknowledge(2);
    expect(leaving().map((batch) => batch.split(" ").length - 1)).toEqual([2]);
  });

  it("lets full batches leave by the byte window, not one by one", () => {
    const { box, leaving } = outbox();
    for (let i = 0; i < 100; i++) box.push(bytes(String(i).padStart(16, "x")));
    // Frames of 100 while fewer than 300 are in flight.
    expect(leaving()).toHaveLength(3);
    expect(box.inFlightBytes).toBe(300);
    box.acknowledge(1);
    expect(leaving()).toHaveLength(1);
  });

  it("cuts a large message into parts and keeps the order of all", () => {
    const { box, leaving } = outbox();
    box.push(bytes("before"));
    box.push(new Uint8Array(250));
    box.push(bytes("after"));
    expect(leaving()).toEqual(["batch before", "part first 100 of 250", "part 100 of 250", "part last 50 of 250"]);
    // The batch before is unacknowledged, and one that is not full waits for it.
    expect(leaving()).toEqual([]);
    box.acknowledge(1);
    expect(leaving()).toEqual(["batch after"]);
  });

  it("does not let small messages wait for an acknowledgement when a large one is behind them", () => {
    const { box, leaving } = outbox();
    box.push(bytes("a"));
    expect(leaving()).toEqual(["batch a"]);
    box.push(bytes("b"));
    box.push(new Uint8Array(60));
    expect(leaving()).toEqual(["batch b", "part first last 60 of 60"]);
  });

  it("stops parts at the window and at a full socket", () => {
    const { box, leaving } = outbox();
    box.push(new Uint8Array(1000));
    expect(leaving(200)).toEqual([]);
    expect(leaving(199)).toHaveLength(3);
    box.acknowledge(2);
    expect(leaving()).toHaveLength(2);
    for (let acknowledged = 3; acknowledged <= 10; acknowledged++) {
      box.acknowledge(acknowledged);
      leaving();
    }
    expect(box.queuedBytes).toBe(0);
    expect(box.inFlightBytes).toBe(0);
  });

  it("replaces a waiting message of the same key, in its place, and no other", () => {
    const { box, leaving } = outbox();
    box.pushLatest("load", bytes("1"));
    expect(leaving()).toEqual(["batch 1"]);
    box.pushLatest("load", bytes("2"));
    box.push(bytes("task"));
    box.pushLatest("credit", bytes("c"));
    box.pushLatest("load", bytes("three"));
    expect(box.queuedBytes).toBe("three".length + "task".length + "c".length + 3 * 4);
    box.acknowledge(1);
    expect(leaving()).toEqual(["batch three task c"]);
    box.pushLatest("load", bytes("4"));
    box.acknowledge(2);
    expect(leaving()).toEqual(["batch 4"]);
  });

  it("does not replace a large message of which a part has left", () => {
    const { box, leaving } = outbox();
    box.push(new Uint8Array(200));
    box.pushLatest("big", new Uint8Array(150));
    expect(leaving()).toEqual(["part first 100 of 200", "part last 100 of 200", "part first 100 of 150"]);
    box.pushLatest("big", bytes("x"));
    box.acknowledge(3);
    expect(leaving()).toEqual(["part last 50 of 150", "batch x"]);
    expect(box.queuedBytes).toBe(0);
  });

  it("counts a replaced message as small or large by what replaced it", () => {
    const { box, leaving } = outbox();
    box.push(bytes("a"));
    leaving();
    box.pushLatest("k", new Uint8Array(80));
    box.pushLatest("k", bytes("small"));
    expect(leaving()).toEqual([]);
    box.pushLatest("k", new Uint8Array(80));
    expect(leaving()).toEqual(["part first last 80 of 80"]);
  });

  it("closes after everything else, once", () => {
    const { box, leaving } = outbox();
    box.push(bytes("a"));
    leaving();
    box.push(bytes("b"));
    box.finish("bye");
    expect(leaving()).toEqual([]);
    box.acknowledge(1);
    expect(leaving()).toEqual(["batch b", "close bye"]);
    expect(leaving()).toEqual([]);
  });

  it("refuses an acknowledgement of what it never sent, and takes the same one twice", () => {
    const { box, leaving } = outbox();
    box.push(bytes("a"));
    leaving();
    expect(box.acknowledge(2)).toBe(false);
    expect(box.acknowledge(1)).toBe(true);
    expect(box.acknowledge(1)).toBe(true);
    expect(box.acknowledge(0)).toBe(false);
  });

  it("stays fast and in order with a hundred thousand waiting messages", () => {
    const box = new Outbox();
    for (let i = 0; i < 100_000; i++) box.push(bytes(String(i)));
    let next = 0;
    let departures = 0;
    for (;;) {
      const departure = box.next(0);
      if (departure?.kind !== "batch") break;
      for (const message of departure.messages) expect(Number(text(message))).toBe(next++);
      box.acknowledge(++departures);
    }
    expect(next).toBe(100_000);
    expect(departures).toBeLessThan(10);
  });
});

describe("an outbox whose socket was lost", () => {
  it("sends again what was not taken in, in order, and then goes on", () => {
    const { box, leaving } = outbox();
    box.push(bytes("a"));
    box.push(new Uint8Array(150));
    box.push(bytes("b"));
    expect(leaving()).toEqual(["batch a", "part first 100 of 150", "part last 50 of 150"]);
    expect(box.rewind(1)).toBe(true);
    expect(leaving()).toEqual(["part first 100 of 150", "part last 50 of 150", "batch b"]);
    // Half-way through, it is lost again.
    expect(box.rewind(2)).toBe(true);
    box.push(bytes("c"));
    expect(box.next(0)).toMatchObject({ kind: "part", last: true });
    expect(box.acknowledge(3)).toBe(true);
    expect(leaving()).toEqual(["batch b"]);
    expect(box.acknowledge(4)).toBe(true);
    expect(leaving()).toEqual(["batch c"]);
  });

  it("waits for the socket while it sends again", () => {
    const { box, leaving } = outbox();
    box.push(bytes("a"));
    expect(leaving()).toEqual(["batch a"]);
    box.rewind(0);
    expect(leaving(LIMITS.socketBytes)).toEqual([]);
    expect(leaving()).toEqual(["batch a"]);
  });

  it("does not believe that more was taken in than was sent", () => {
    const { box, leaving } = outbox();
    box.push(bytes("a"));
    leaving();
    expect(box.rewind(2)).toBe(false);
    expect(box.rewind(1)).toBe(true);
  });

  it("keeps nothing that was acknowledged, although others wait all the time", async () => {
    const { box } = outbox();
    const sent: WeakRef<Uint8Array>[] = [];
    // Large ones, each of which leaves by itself as a part; the ones behind it wait.
    for (let count = 1; count <= 10; count++) {
      const message = new Uint8Array(60);
      sent.push(new WeakRef(message));
      box.push(message);
      box.push(new Uint8Array(60));
      box.next(0);
      box.acknowledge(count);
    }
    // What a WeakRef was made for is kept until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    // Of twenty, the first ten have left: half of those that are watched.
    expect(sent.map((message) => message.deref() === undefined)).toEqual([
      ...Array(5).fill(true),
      ...Array(5).fill(false),
    ]);
    expect(box.queuedBytes).toBeGreaterThan(600);
  });
});
