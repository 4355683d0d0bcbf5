import type { NodeInfo } from "pydist-node";
import { expect, it } from "vitest";
import { isInTree } from "../../packages/launch/dist/hosts/occupant.js";

/* Whether the node that has a machine's port is one of the tree that others are to join. */

const never = new AbortController().signal;
const node = { id: "a", name: "n1" } as NodeInfo;

/** A tree that has the node from the given look on. */
function tree(from: number) {
  const seen = { looks: 0, tree: async () => (++seen.looks >= from ? [node] : []) };
  return seen;
}

it("a node that has no parent may be about to join: the tree is looked at again", async () => {
  const joining = tree(3);
  expect(await isInTree({ id: "a", parent: null }, { ...joining, connectTimeout: 1_000_000 }, never)).toBe(true);
  expect(joining.looks).toBe(3);
});

it("it is given no longer than nodes have to join, and no time once the launch is interrupted", async () => {
  const alone = tree(2);
  expect(await isInTree({ id: "a", parent: null }, { ...alone, connectTimeout: 0 }, never)).toBe(false);
  const long = { ...tree(2), connectTimeout: 1_000_000 };
  expect(await isInTree({ id: "a", parent: null }, long, AbortSignal.abort())).toBe(false);
});

it("a node that has a parent is in this tree, or is not", async () => {
  const other = tree(2);
  expect(await isInTree({ id: "a", parent: "p" }, { ...other, connectTimeout: 1_000_000 }, never)).toBe(false);
  expect(await isInTree({ id: "a", parent: "p" }, { ...tree(1), connectTimeout: 0 }, never)).toBe(true);
});

it("where nodes wait to be dialled there is no tree yet", async () => {
  expect(await isInTree({ id: "a", parent: null }, { tree: undefined, connectTimeout: 0 }, never)).toBe(true);
});
