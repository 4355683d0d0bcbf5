import { Intake, Outflow } from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { failure } from "../support/thrown.js";

function recorded(window: number): { out: Outflow; left: string[]; send(name: string, bytes: number): Promise<void> } {
  const out = new Outflow(window);
  const left: string[] = [];
  return { out, left, send: (name, bytes) => out.send(bytes, () => void left.push(name)) };
}

describe("what leaves by a channel", () => {
  it("leaves at once while it fits into the window, then in order as room is made", async () => {
    const { out, left, send } = recorded(100);
    await send("a", 60);
    await send("b", 40);
    const c = send("c", 50);
    const d = send("d", 1);
    expect(left).toEqual(["a", "b"]);
    out.taken(40);
    // d would fit, but does not overtake.
    expect(left).toEqual(["a", "b"]);
    out.taken(20);
    await Promise.all([c, d]);
    expect(left).toEqual(["a", "b", "c", "d"]);
  });

  it("leaves alone if it is larger than the window, with no more than a quarter under way", async () => {
    const { out, left, send } = recorded(100);
    await send("small", 30);
    const large = send("large", 1000);
    expect(left).toEqual(["small"]);
    out.taken(10);
    await large;
    const next = send("next", 1);
    expect(left).toEqual(["small", "large"]);
    out.taken(1000);
    await next;
  });

  it("waits until the other end is ready", async () => {
    const { out, left, send } = recorded(0);
    const sent = send("a", 1);
    expect(left).toEqual([]);
    out.open(100);
    await sent;
    expect(left).toEqual(["a"]);
  });

  it("is dropped with the reason once nobody takes it", async () => {
    const { out, left, send } = recorded(100);
    await send("a", 100);
    const waiting = failure(send("b", 1));
    const reason = new Error("over");
    out.close(reason);
    out.close(new Error("again"));
    expect(await waiting).toBe(reason);
    expect(await failure(send("c", 1))).toBe(reason);
    expect(left).toEqual(["a"]);
  });
});

it("what was taken is told in quarters of the window, which is as much as may stay untold", () => {
  const told: number[] = [];
  const intake = new Intake(100, (bytes) => told.push(bytes));
  for (const bytes of [10, 10, 10, 300, 24]) intake.took(bytes);
  expect(told).toEqual([30, 300]);
});
