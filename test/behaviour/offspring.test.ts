import {
  BodiesBuilder,
  bodyAt,
  decodeFailure,
  encodeArguments,
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
  const submit = (batch: number, given: string, grace = 1000): void => {
    const limits = { hops: 16, priority: 0, attempts: 3, attempt: 1, depth: 1, grace };
    const builder = new BodiesBuilder();
    for (const n of [1, 2]) builder.add(encodeArguments([n]));
    const head = { code: hash, name: "f", ...limits };
    offspring.said(1, 0, "call", { kind: "submit", batch, head, text: given }, builder.build());
  };
  return { offspring, forwarded, told, submit, text };
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
