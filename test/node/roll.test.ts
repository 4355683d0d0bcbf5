import type { NodeDescription } from "@pydist/protocol";
import { type Logger, silent } from "pydist-node";
import { expect, it } from "vitest";
import { type DownPeer, Peers } from "../../packages/pydist-node/dist/engine/peer.js";
import { Roll } from "../../packages/pydist-node/dist/engine/roll.js";
import { memoryLinks } from "../../packages/pydist-node/dist/links/memory.js";

const described = (id: string) => ({ id, name: id, address: "", slots: 1 }) as NodeDescription;

/** The roll of a node with two children, and what it makes known. */
function rollOfTwo(logger: Logger = silent) {
  const peers = new Peers(silent);
  const child = (id: string): DownPeer => {
    const hello = { version: "0.1.0", role: "node", id, name: id, cluster: "default", workers: 1 } as const;
    const [link] = memoryLinks(hello, { ...hello, id: "self" });
    return peers.addDown(link, { id, name: id, role: "node" });
  };
  const [left, right] = [child("left"), child("right")];
  const news: string[] = [];
  const roll = new Roll(
    peers,
    logger,
    {
      reached: (key, nodes) => news.push(`${nodes.map(({ id }) => id)} by ${key === left.key ? "left" : "right"}`),
      unreached: (_child, ids) => news.push(`${ids} by nobody`),
      nodeJoined: ({ id }) => news.push(`${id} joined`),
      nodeLost: ({ id }) => news.push(`${id} lost`),
      reunited: () => {},
    },
    () => [],
  );
  return { roll, left, right, news };
}

it("a node that has moved is lost only once nobody reaches it any more", () => {
  const { roll, left, right, news } = rollOfTwo();
  roll.joined([described("leaf")], left);
  roll.joined([described("leaf")], right);
  roll.lost(["leaf"], left, "moved");
  expect(roll.directory.via("leaf")).toBe(right.key);
  roll.lost(["leaf"], right, "killed");
  roll.lost(["leaf"], right, "killed");
  expect(news).toEqual([
    "leaf by left",
    "leaf joined",
    "leaf by right",
    "leaf by right",
    "leaf by nobody",
    "leaf lost",
  ]);
  expect(roll.directory.size).toBe(0);
});

it("a branch that tells late of a node that has left it does not make it forgotten", () => {
  const { roll, left, right, news } = rollOfTwo();
  roll.joined([described("leaf")], right);
  // It has heard of it before, and tells all that it knows when its link is made again.
  roll.joined([described("leaf")], left);
  expect(roll.directory.via("leaf")).toBe(left.key);
  roll.lost(["leaf"], left, "moved");
  expect(roll.directory.via("leaf")).toBe(right.key);
  expect(news.at(-1)).toBe("leaf by right");
  roll.childLost(right, "killed");
  expect(news.slice(-2)).toEqual(["leaf by nobody", "leaf lost"]);
});

it("a child that said goodbye has left; those below it, who did not, are lost", () => {
  const lines: string[] = [];
  const log = ({ name }: { readonly name?: string }, message: string) => void lines.push(`${message}: ${name}`);
  const { roll, left } = rollOfTwo({ ...silent, info: log, warn: log } as Logger);
  roll.joined([described("left"), described("leaf")], left);
  expect(roll.childLost(left, "bye", true)).toBe(1);
  expect(lines.slice(2)).toEqual(["Node left: left", "Node lost: leaf"]);
});
