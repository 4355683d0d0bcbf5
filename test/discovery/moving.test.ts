import { describe, expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { Ether, made } from "./ether.js";
import { discoverer, namesBelow, oneTree, program, useNewBand } from "./lan.js";

describe("a tree that joins an earlier one", () => {
  it("goes on with all that it has begun, and works for both", async () => {
    const { node: early } = await discoverer({ name: "early" });
    const forEarly = program(early.address);
    // Where those below do not hear the early one, as behind a cable that is cut.
    useNewBand();
    const { node: late } = await discoverer({ name: "late" });
    const { node: below } = await discoverer({ name: "below" });
    const forLate = program(late.address);
    await forLate.waitForNodes(2, { timeout: 10_000 });
    const gate = await Gate.make();
    const held = [0, 1, 2, 3].map((i) => forLate.submit(hold, [gate.port, i]));
    await gate.holds(2);

    const ether = await Ether.open();
    await ether.announce(made(early.id, early.address));
    expect(await oneTree([early, late, below])).toBe(early);
    gate.open();
    await Promise.all(held);
    expect(gate.names.toSorted()).toEqual([0, 1, 2, 3]);
    expect(held.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
    expect(await namesBelow(early)).toEqual(["below", "early", "late"]);
    await forEarly.waitForNodes(3, { timeout: 10_000 });
    const names = await forEarly.runOnAll(() => 1);
    expect(names.size).toBe(3);
  });
});

describe("a tree whose root has children enough", () => {
  it("takes newcomers in farther down", async () => {
    const { node: root } = await discoverer({ name: "root", maxChildren: 1 });
    const others = await Promise.all(["a", "b", "c"].map((name) => discoverer({ name, maxChildren: 2 })));
    expect(await oneTree([root, ...others.map(({ node }) => node)])).toBe(root);
    const depths = (await root.nodes()).map(({ depth }) => depth);
    expect(depths.toSorted()).toEqual([0, 1, 2, 2]);
  });
});

describe("a program whose root has left", () => {
  it("finds the one that came after it", async () => {
    const { node: root } = await discoverer({ name: "root" });
    await Promise.all([discoverer({ name: "a" }), discoverer({ name: "b" })]);
    const executor = program();
    await executor.waitForNodes(3, { timeout: 10_000 });
    const again = new Promise((resolve) => executor.once("reconnected", resolve));
    await root.close();
    await again;
    await executor.waitForNodes(2, { timeout: 10_000 });
    expect(await executor.map((x: number) => x + 1, [1, 2, 3])).toEqual([2, 3, 4]);
  });
});
