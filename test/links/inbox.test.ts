import { describe, expect, it } from "vitest";
import { Inbox } from "../../packages/pydist-node/dist/links/inbox.js";
import {
  encodeAck,
  encodeBatch,
  encodeClose,
  encodePartHead,
  encodeStamp,
  Kind,
  WireError,
} from "../../packages/pydist-node/dist/links/wire.js";
import { bytes, text } from "./support.js";

function inbox(maxMessageBytes = 1000) {
  const messages: Uint8Array[] = [];
  const events: string[] = [];
  const box = new Inbox(
    {
      onAck: (count) => void events.push(`ack ${count}`),
      onMessage: (message) => void messages.push(message),
      onPing: (stamp) => void events.push(`ping ${stamp}`),
      onPong: (stamp) => void events.push(`pong ${stamp}`),
      onClose: (reason) => void events.push(`close ${reason}`),
    },
    maxMessageBytes,
  );
  return { box, messages, events };
}

const batch = (...messages: Uint8Array[]) =>
  encodeBatch(
    messages,
    messages.reduce((sum, message) => sum + message.length + 4, 0),
    0,
  );

const part = (total: number, length: number, first: boolean, last: boolean) =>
  encodePartHead({ total, length, first, last }, 0);

describe("the inbox", () => {
  it("takes a batch apart, empty messages too, into memory of their own", () => {
    const { box, messages } = inbox();
    const wire = new Uint8Array(batch(bytes("one"), new Uint8Array(0), bytes("three")));
    box.receive(wire);
    wire.fill(0xff);
    expect(messages.map(text)).toEqual(["one", "", "three"]);
    for (const message of messages) {
      expect(message.byteOffset).toBe(0);
      expect(message.buffer.byteLength).toBe(message.length);
    }
    expect(box.taken).toBe(1);
  });

  it("puts parts together and counts each", () => {
    const { box, messages } = inbox();
    box.receive(part(10, 4, true, false));
    box.receive(new Uint8Array([0, 1, 2, 3]));
    box.receive(encodeStamp(Kind.ping, 7, 0));
    box.receive(part(10, 6, false, true));
    expect(messages).toEqual([]);
    box.receive(new Uint8Array([4, 5, 6, 7, 8, 9]));
    expect(messages).toEqual([new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])]);
    expect(messages[0]?.buffer.byteLength).toBe(10);
    expect(box.taken).toBe(2);
  });

  it("copies a single part out of memory that is shared", () => {
    const { box, messages } = inbox();
    const chunk = new Uint8Array(100).fill(9);
    box.receive(part(50, 50, true, true));
    box.receive(chunk.subarray(10, 60));
    chunk.fill(1);
    expect(messages[0]).toEqual(new Uint8Array(50).fill(9));
    expect(messages[0]?.buffer.byteLength).toBe(50);
  });

  it("reads the acknowledgement that every kind carries", () => {
    const { box, events } = inbox();
    box.receive(encodeAck(5));
    box.receive(encodeStamp(Kind.pong, 1.5, 6));
    box.receive(encodeClose("gute Nacht, 世界", 0xffffffff));
    expect(events).toEqual(["ack 5", "ack 6", "pong 1.5", "ack 4294967295", "close gute Nacht, 世界"]);
  });

  const wrong: [string, Uint8Array[], RegExp][] = [
    ["a stump", [new Uint8Array(3)], /message of 3 bytes/],
    ["an unknown kind", [new Uint8Array([99, 0, 0, 0, 0, 0, 0, 0])], /unknown kind 99/],
    ["a batch that ends within a length", [batch(bytes("abc")).subarray(0, 10)], /ends within/],
    ["a batch that ends within a message", [batch(bytes("abc")).subarray(0, 13)], /ends within/],
    ["a ping without its stamp", [encodeStamp(Kind.ping, 1, 0).subarray(0, 12)], /ping of 12/],
    ["a message above the limit", [part(1001, 100, true, false)], /1001 bytes, where the limit is 1000/],
    ["a message of no length", [part(Number.NaN, 100, true, false)], /NaN/],
    ["a first part that claims more than the whole", [part(10, 11, true, true)], /add up/],
    ["a last part before the end", [part(10, 4, true, true)], /add up/],
    ["a later part without a first", [part(10, 4, false, false)], /out of order/],
    [
      "a part of another length than announced",
      [part(10, 10, true, true), new Uint8Array(9)],
      /9 bytes announced as 10/,
    ],
    [
      "a first part within a message",
      [part(10, 4, true, false), new Uint8Array(4), part(10, 4, true, false)],
      /out of order/,
    ],
    ["a part that changes the total", [part(10, 4, true, false), new Uint8Array(4), part(8, 4, false, true)], /add up/],
    ["a batch within a message", [part(10, 4, true, false), new Uint8Array(4), batch(bytes("x"))], /between the parts/],
  ];
  it.each(wrong)("refuses %s", (_name, wire, reason) => {
    const { box, messages } = inbox();
    const last = wire.at(-1) as Uint8Array;
    for (const data of wire.slice(0, -1)) box.receive(data);
    expect(() => box.receive(last)).toThrow(WireError);
    expect(messages).toEqual([]);
    expect(() => {
      const again = inbox();
      for (const data of wire) again.box.receive(data);
    }).toThrow(reason);
  });
});
