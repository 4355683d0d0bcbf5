import { decodeFrame, ShippingError } from "@pydist/protocol";
import { sha256, ship } from "@pydist/shipping";
import { silent } from "pydist-node";
import { describe, expect, it } from "vitest";
import { CodeExchange } from "../../packages/pydist-node/dist/engine/code-exchange.js";
import { CodeStore } from "../../packages/pydist-node/dist/engine/code-store.js";
import { Peers } from "../../packages/pydist-node/dist/engine/peer.js";
import { linked } from "../links/support.js";
import { capturedOf } from "../support/captured.js";
import { ends, RawEnd } from "../tree/raw-end.js";

const limits = { hops: 1, travelled: 0, priority: 0, attempts: 3, attempt: 1, depth: 0, grace: 0 };
const code = ship((n: number) => n);

/** A node that keeps 10,000 bytes, below one that gives what it is asked for. */
function made() {
  const peers = new Peers(silent);
  const exchange = new CodeExchange(peers, new CodeStore({ bytes: 10_000 }));
  const [down, up] = ends("above", "node");
  const above = new RawEnd(down);
  const { key } = peers.addUp(up, { id: "above", name: "above", role: "node" });
  up.on("message", (bytes) => {
    const { frame, payload } = decodeFrame(bytes);
    if (frame.t === "code") void exchange.arrived(frame, payload);
    else if (frame.t === "noCode") exchange.missing(frame.hash, key, frame.why);
  });
  /** What a batch needs that captured this. */
  const texts = (captured: { hash: string }) => {
    const state = "fresh" as const;
    const identity = { code: code.hash, name: "f", executor: "e", batch: 1, first: 0 };
    return exchange.textsOf({ ...identity, ...limits, captured: { hash: captured.hash, state } }, key);
  };
  return { exchange, peers, above, texts, key };
}

describe("a node that lacks what a batch names", () => {
  it("asks for all of it, and again for what it had to drop", async () => {
    const { above, texts } = made();
    const [a, b] = [capturedOf(8000), capturedOf(8000)];
    const contents = new Map([a, b].map(({ hash, bytes }) => [hash, bytes]));
    above.link.on("message", (bytes) => {
      const { frame } = decodeFrame(bytes);
      if (frame.t !== "needCode") return;
      const { hash } = frame;
      if (hash === code.hash) above.say({ t: "code", hash, text: code.text });
      else above.say({ t: "code", hash, payload: "bytes" }, contents.get(hash) as Uint8Array);
    });
    for (const captured of [a, b, a]) {
      const given = await texts(captured);
      expect(given).toMatchObject({ code: code.text, initializer: undefined });
      expect(Buffer.from(given.captured as Uint8Array).equals(captured.bytes)).toBe(true);
    }
    expect(texts(a)).not.toBeInstanceOf(Promise);
    const asked = above.heard.map(({ frame }) => (frame.t === "needCode" ? frame.hash : frame.t));
    expect(asked).toEqual([code.hash, a.hash, b.hash, a.hash]);
  });

  it("takes it as text or bytes as it needs it, whatever it came as", async () => {
    const { exchange, texts } = made();
    const captured = Buffer.from("as text");
    const hash = sha256(captured);
    await exchange.arrived({ t: "code", hash: code.hash, payload: "bytes" }, Buffer.from(code.text));
    await exchange.arrived({ t: "code", hash, text: "as text" }, new Uint8Array(0));
    const given = await texts({ hash });
    expect(given.code).toBe(code.text);
    expect(Buffer.from(given.captured as Uint8Array).toString()).toBe("as text");
  });

  it("fails the batch with the reason if it cannot be had", async () => {
    const { exchange, above, texts } = made();
    const { hash } = capturedOf(8000);
    await exchange.arrived({ t: "code", hash: code.hash, text: code.text }, new Uint8Array(0));
    const failing = Promise.resolve(texts({ hash })).catch((error: unknown) => error);
    await above.next(1, ({ t }) => t === "needCode");
    above.say({ t: "noCode", hash, why: "it forgot" });
    const error = await failing;
    expect(error).toBeInstanceOf(ShippingError);
    expect((error as Error).message).toBe('What "f" captured could not be had: it forgot. Submit the task again.');
  });

  it("says so to who asks, if it is longer than the link allows", async () => {
    const { exchange, peers } = made();
    const { hash, bytes } = capturedOf(8000);
    const [dialed, accepted] = await linked({ link: { maxMessageBytes: 4000 } });
    const below = new RawEnd(dialed);
    exchange.keep({ hash, content: bytes });
    exchange.give(peers.addDown(accepted, { id: "below", name: "below", role: "node" }), hash);
    const [answer] = await below.next(1, ({ t }) => t === "noCode");
    const why = expect.stringMatching(/^A message of 81\d\d bytes was to be sent to .*; the limit is 4000\./);
    expect(answer?.frame).toEqual({ t: "noCode", hash, why });
  });
});
