import type { Bodies, UpNote } from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { Belongings } from "../../packages/pydist-node/dist/pool/belongings.js";
import { capturedOf } from "../support/captured.js";

function made() {
  const said: { note: UpNote; bodies: Bodies | undefined }[] = [];
  const belongings = new Belongings((note, bodies) => void said.push({ note, bodies }));
  /** A batch that names it. */
  const submit = ({ hash, bytes }: { hash: string; bytes: Uint8Array }) => {
    belongings.keep({ hash, content: bytes });
    belongings.bring(hash);
  };
  return { belongings, said, submit };
}

describe("what the batches of a task captured", () => {
  it("goes to the task's owner once, and is there for later batches, too", () => {
    const { belongings, said, submit } = made();
    const captured = capturedOf(5000);
    submit(captured);
    submit(captured);
    belongings.letGo(captured.hash);
    belongings.letGo(captured.hash);
    submit(captured);
    expect(said.map(({ note }) => note)).toEqual([{ kind: "captured", hash: captured.hash }]);
    expect(said[0]?.bodies?.bytes).toBe(captured.bytes);
  });

  it("is forgotten there when no batch needs it and 64 MiB more came after it", () => {
    const { belongings, said, submit } = made();
    const [a, b, used] = [capturedOf(40_000_000), capturedOf(30_000_000), capturedOf(5000)];
    for (const each of [used, a, b]) submit(each);
    for (const each of [a, b]) belongings.letGo(each.hash);
    expect(said.slice(3).map(({ note }) => note)).toEqual([{ kind: "forget", hash: a.hash }]);
    submit(a);
    expect(said.at(-1)?.note).toEqual({ kind: "captured", hash: a.hash });
    // One alone stays, however large.
    belongings.letGo(a.hash);
    expect(said.at(-1)?.note).toEqual({ kind: "forget", hash: b.hash });
  });

  it("that never went there need not be forgotten there, and a text is here as long as it is used", () => {
    const { belongings, said } = made();
    belongings.keep({ hash: "h", content: "text" });
    expect(belongings.textOf("h")).toBe("text");
    belongings.bring("h");
    belongings.letGo("h");
    belongings.letGo("h");
    expect(said).toEqual([]);
  });
});
