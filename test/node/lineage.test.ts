import { CycleError } from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { Lineage } from "../../packages/pydist-node/dist/node/lineage.js";

const ancestor = (id: string): { id: string; name: string; address: string } => ({
  id,
  name: id.toUpperCase(),
  address: `${id}:9000`,
});
const joining = (id: string): Lineage => new Lineage(() => ancestor(id), "joining");

/** Passes on what each node knows of its way up, as children are told it, until nothing changes or one gives way. */
function gossip(nodes: readonly Lineage[], parentOf: (index: number) => number): (string | undefined)[] {
  const gaveWay: (string | undefined)[] = nodes.map(() => undefined);
  for (let round = 0; round < 2 * nodes.length; round++) {
    nodes.forEach((node, i) => {
      const parent = nodes[parentOf(i)];
      if (parent === undefined || gaveWay[i] !== undefined || gaveWay[parentOf(i)] !== undefined) return;
      try {
        node.above(parent.chain, parent.settled);
      } catch (error) {
        gaveWay[i] = (error as CycleError).message;
      }
    });
  }
  return gaveWay;
}

describe("a node's way to its root", () => {
  it("is itself, then its parent's way", () => {
    const node = joining("b");
    node.above([ancestor("a"), ancestor("r")], true);
    expect(node.chain.map((each) => each.id)).toEqual(["b", "a", "r"]);
    expect(node.settled).toBe(true);
  });

  it("is not settled while the parent's is not", () => {
    const node = joining("b");
    node.above([ancestor("a")], false);
    expect(node.settled).toBe(false);
  });

  it("is unknown again when the parent is lost", () => {
    const node = joining("b");
    node.above([ancestor("a")], true);
    node.lost();
    expect(node.chain.map((each) => each.id)).toEqual(["b"]);
    expect(node.settled).toBe(false);
  });

  it("must not lead through the node itself", () => {
    const node = joining("z");
    expect(() => node.above([ancestor("y"), ancestor("z"), ancestor("r")], true)).toThrow(CycleError);
    expect(() => joining("z").above([ancestor("z")], false)).toThrow(
      "Joining would create a cycle: Z (z:9000) > Z (z:9000).",
    );
  });

  it.each([2, 3, 5])(
    "of %i nodes that join each other in a circle, exactly the one with the least id gives way",
    (count) => {
      const ids = ["c", "a", "e", "b", "d"].slice(0, count);
      const gaveWay = gossip(ids.map(joining), (i) => (i + 1) % count);
      expect(gaveWay.filter((message) => message !== undefined)).toHaveLength(1);
      expect(gaveWay[ids.indexOf([...ids].sort()[0] as string)]).toContain("would create a cycle");
    },
  );

  it("the error names everyone on the way round", () => {
    const [a, b, c] = ["a", "b", "c"].map(joining) as [Lineage, Lineage, Lineage];
    const messages = gossip([a, b, c], (i) => (i + 1) % 3);
    expect(messages[0]).toMatchInlineSnapshot(
      `"Joining would create a cycle: A (a:9000) > B (b:9000) > C (c:9000) > A (a:9000). A node's parent must not be the node itself or below it; start the node that is to be the root without --parent."`,
    );
  });
});
