import {
  BodiesBuilder,
  bodyAt,
  type CapturedHead,
  decodeFailure,
  encodeArguments,
  Kind,
  kindAt,
  type NestedHeader,
  Outcome,
  outcomeAt,
  ShippingError,
  type Stop,
} from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { describe, expect, it } from "vitest";
import type { Content } from "../../packages/futures/dist/contents.js";
import { Offspring, type OffspringHost } from "../../packages/futures/dist/offspring.js";
import { capturedOf } from "../support/captured.js";

const few = capturedOf(100);

/** An executor that keeps what is forwarded and told. */
function made() {
  const forwarded: { head: NestedHeader; contents: readonly Content[]; stops: (Stop | undefined)[] }[] = [];
  const told: Parameters<OffspringHost["tell"]>[] = [];
  const offspring = new Offspring({
    executor: "e",
    forward(head, contents, _bodies, sink) {
      const stops: (Stop | undefined)[] = [];
      const route = { cancelAt: (_ranges: unknown, stop?: Stop) => void stops.push(stop), abortAt: () => {} };
      forwarded.push({ head, contents, stops });
      sink.sent(route);
      return route;
    },
    tell: (...note) => void told.push(note),
  });
  const { hash, text } = ship((n: number) => n);
  const submit = (batch: number, given: string, grace = 1000, captured?: CapturedHead): void => {
    const limits = { hops: 16, priority: 0, attempts: 3, attempt: 1, depth: 1, grace };
    const builder = new BodiesBuilder();
    for (const n of [1, 2]) builder.add(encodeArguments([n]));
    const head = { code: hash, name: "f", ...limits, ...(captured === undefined ? {} : { captured }) };
    offspring.said(1, 0, "call", { kind: "submit", batch, head, text: given }, builder.build());
  };
  /** The task sends along what its batches name. */
  const bring = (name: string, bytes: Uint8Array, call = "call"): void => {
    const builder = new BodiesBuilder();
    builder.add({ kind: Kind.Rich, text: undefined, bytes });
    offspring.said(1, 0, call, { kind: "captured", hash: name }, builder.build());
  };
  /** What the batches that were refused failed with. */
  const refusals = (): string[] =>
    told.map(([, , , , bodies]) => {
      if (bodies === undefined) throw new Error("Nothing was told.");
      return (decodeFailure(kindAt(bodies, 0), bodyAt(bodies, 0), { node: "e" }) as Error).message;
    });
  return { offspring, forwarded, told, submit, bring, refusals, hash, text };
}

describe("what a running task submits", () => {
  it("is forwarded if the code is the one that its hash names", () => {
    const { forwarded, told, submit, text } = made();
    submit(1, text);
    expect([forwarded.length, told.length]).toEqual([1, 0]);
  });

  it("fails otherwise, and no node hears of that code", () => {
    const { forwarded, told, submit, text } = made();
    submit(7, `${text} `);
    submit(8, "");
    expect(forwarded).toEqual([]);
    expect(told.map(([lease, index, call, note]) => [lease, index, call, note])).toEqual([
      [1, 0, "call", { kind: "results", batch: 7, from: 0, node: "e", hops: 0, attempt: 1 }],
      [1, 0, "call", { kind: "results", batch: 8, from: 0, node: "e", hops: 0, attempt: 1 }],
    ]);
    const bodies = told[0]?.[4];
    if (bodies === undefined) throw new Error("Nothing was told.");
    for (const i of [0, 1]) {
      expect(outcomeAt(bodies, i)).toBe(Outcome.Failed);
      const error = decodeFailure(kindAt(bodies, i), bodyAt(bodies, i), { node: "e" });
      expect(error).toBeInstanceOf(ShippingError);
      expect((error as Error).message).toBe("The code of f is not the one that its hash names, so it was not run.");
    }
  });

  it("is stopped with the task, each batch with the grace that it was submitted with", () => {
    const { offspring, forwarded, submit, text } = made();
    submit(1, text, 50);
    submit(2, text, 60_000);
    offspring.stopped(1, [0, 1]);
    expect(forwarded.map(({ stops }) => stops.map((stop) => stop?.grace))).toEqual([[50], [60_000]]);
  });
});

describe("what the function of a running task's tasks captured", () => {
  it("goes on in the header as it came, if it is little", () => {
    const { forwarded, submit, text } = made();
    const { hash, bytes } = capturedOf(100);
    const captured = { hash, state: "shared", inline: Buffer.from(bytes).toString("base64") } as const;
    submit(1, text, 1000, captured);
    expect(forwarded[0]?.head.captured).toEqual(captured);
    expect(forwarded[0]?.contents).toHaveLength(1);
  });

  it("was sent before, once for all batches that name it", () => {
    const { forwarded, submit, bring, text, hash: code } = made();
    const { hash, bytes } = capturedOf(5000);
    bring(hash, bytes);
    for (const batch of [1, 2]) submit(batch, text, 1000, { hash, state: "fresh" });
    const contents = [
      { hash: code, content: text },
      { hash, content: bytes },
    ];
    expect(forwarded.map((each) => each.contents)).toEqual([contents, contents]);
  });

  it.each<[string, (task: ReturnType<typeof made>) => void]>([
    ["was never sent", ({ submit, text }) => submit(1, text, 1000, { hash: few.hash, state: "fresh" })],
    [
      "is something else than its hash names",
      ({ submit, bring, text }) => {
        bring(few.hash, few.bytes.subarray(1));
        submit(1, text, 1000, { hash: few.hash, state: "fresh" });
      },
    ],
    [
      "is something else, in the header",
      ({ submit, text }) => submit(1, text, 1000, { hash: few.hash, state: "fresh", inline: "AAAA" }),
    ],
    [
      "was sent by an earlier execution of the task",
      ({ submit, bring, text }) => {
        bring(few.hash, few.bytes, "an earlier call");
        submit(1, text, 1000, { hash: few.hash, state: "fresh" });
      },
    ],
    [
      "was to be forgotten",
      ({ offspring, submit, bring, text }) => {
        bring(few.hash, few.bytes);
        offspring.said(1, 0, "call", { kind: "forget", hash: few.hash }, undefined);
        submit(1, text, 1000, { hash: few.hash, state: "fresh" });
      },
    ],
  ])("is refused if it %s", (_how, say) => {
    const task = made();
    say(task);
    expect(task.forwarded).toEqual([]);
    expect(task.refusals()).toEqual(["What f captured is not what its hash names, so it was not run."]);
  });
});
