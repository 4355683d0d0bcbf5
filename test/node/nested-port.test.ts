import { type BatchHeader, BodiesBuilder, encodeValue, type UpNote } from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { Dispatcher, Statistics } from "../../packages/futures/dist/index.js";
import { NestedPort } from "../../packages/pydist-node/dist/pool/nested.js";
import { capturedOf, capturing } from "../support/captured.js";

const limits = { hops: 1, travelled: 0, priority: 0, attempts: 3, attempt: 1, depth: 0, grace: 0 };
const head: BatchHeader = { code: "c", name: "parent", executor: "e", batch: 1, first: 0, ...limits };

/** A task that submits, and keeps what it says. */
function made() {
  const said: { note: UpNote; bytes: Uint8Array | undefined }[] = [];
  const port = new NestedPort({
    ...{ head, slots: 1, openChanged: () => {} },
    say: (note, bodies) => void said.push({ note, bytes: bodies?.bytes }),
  });
  const dispatcher = new Dispatcher(port, {
    ...{ hopLimit: 1, attempts: 1, abortGrace: 0, statistics: new Statistics() },
    ...{ onNote: () => {}, onSettled: () => undefined },
  });
  const settle = (batch: number): void => {
    const builder = new BodiesBuilder();
    builder.add(encodeValue("done", "result"));
    port.told({ kind: "results", batch, from: 0, node: "n", hops: 0, attempt: 1 }, builder.build(true));
  };
  return { said, dispatcher, settle };
}

describe("a task that submits", () => {
  it("sends what a function captured along once, before the first batch that names it", async () => {
    const { said, dispatcher, settle } = made();
    const captured = capturedOf(5000);
    const code = capturing((n: number) => n, captured);
    for (const batch of [1, 2]) {
      const future = dispatcher.submit(code, [batch], undefined);
      dispatcher.leave();
      settle(batch);
      expect(await future).toBe("done");
    }
    expect(said.map(({ note }) => note.kind)).toEqual(["captured", "submit", "submit"]);
    expect(said[0]).toEqual({ note: { kind: "captured", hash: captured.hash }, bytes: captured.bytes });
    for (const { note } of said.slice(1)) {
      expect(note).toMatchObject({ head: { captured: { hash: captured.hash, state: "fresh" } }, text: code.text });
    }
  });

  it("writes a little into the header", () => {
    const { said, dispatcher } = made();
    const { hash, bytes, state } = capturedOf(10);
    void dispatcher.submit(
      capturing((n: number) => n, { hash, bytes, state }),
      [1],
      undefined,
    );
    dispatcher.leave();
    const inline = Buffer.from(bytes).toString("base64");
    expect(said.map(({ note }) => note)).toMatchObject([
      { kind: "submit", head: { captured: { hash, state, inline } } },
    ]);
  });
});
