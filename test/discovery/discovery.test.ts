import { ConnectionError } from "pydist";
import { VERSION } from "pydist-node";
import { describe, expect, it } from "vitest";
import { Ether, made } from "./ether.js";
import { discoverer, namesBelow, oneTree, program } from "./lan.js";

describe("nodes that discover", () => {
  it("join the one that is there, and a program without an address has all of them", async () => {
    const { node: first } = await discoverer({ name: "first" });
    const { node: second } = await discoverer({ name: "second" });
    await oneTree([first, second]);
    expect(await namesBelow(first)).toEqual(["first", "second"]);
    expect(await namesBelow(second)).toEqual(["second"]);

    const executor = program();
    await executor.waitForNodes(2, { timeout: 10_000 });
    expect((await executor.nodes()).map(({ name, depth }) => [name, depth])).toEqual([
      ["first", 0],
      ["second", 1],
    ]);
    expect(await executor.submit((x: number) => x * 2, [21])).toBe(42);
  });

  it("that start at the same moment end as one tree", async () => {
    const found = await Promise.all(["a", "b", "c", "d"].map((name) => discoverer({ name })));
    const nodes = found.map(({ node }) => node);
    const root = await oneTree(nodes);
    expect(await namesBelow(root)).toEqual(["a", "b", "c", "d"]);
  });

  it("find each other when their root has left, and again when it is back", async () => {
    const { node: root } = await discoverer({ name: "root" });
    const below = await Promise.all(["a", "b", "c"].map((name) => discoverer({ name })));
    const nodes = below.map(({ node }) => node);
    expect(await oneTree([root, ...nodes])).toBe(root);
    await root.close();
    const next = await oneTree(nodes);
    const { node: back } = await discoverer({ name: "root" });
    // It is not what it was: whoever began first is the root now.
    expect(await oneTree([back, ...nodes])).toBe(next);
  });

  it("do not look for a tree if they were told who their parent is, but let others find it", async () => {
    const { node: root } = await discoverer({ name: "root", discover: false });
    const { node: child } = await discoverer({ name: "child", parent: root.address });
    const ether = await Ether.open();
    await ether.ask();
    const { announcement } = await ether.heard(() => true);
    expect(announcement).toMatchObject({
      name: "child",
      address: child.address,
      root: { id: root.id, address: root.address, reach: "its machine" },
    });
    const { node: other, log } = await discoverer({ name: "other" });
    expect(await namesBelow(root)).toEqual(["child", "other", "root"]);
    expect(await namesBelow(child)).toEqual(["child", "other"]);
    expect(log.lines.find(({ message }) => message === "Joined parent")?.fields).toMatchObject({ parent: child.id });

    const executor = program();
    await executor.waitForNodes(3, { timeout: 10_000 });
    expect((await executor.nodes())[0]?.name).toBe("root");
    await other.close();
  });

  it("announce what others need to find them, nothing that is made of the secret, and say goodbye", async () => {
    const ether = await Ether.open();
    const { node } = await discoverer({ name: "open", cluster: "render" });
    const { announcement } = await ether.heard(() => true);
    const since = expect.any(Number);
    expect(announcement).toEqual({
      ...{ id: node.id, name: "open", cluster: "render", version: VERSION, address: node.address },
      root: { id: node.id, since, address: node.address, reach: "its machine" },
    });
    await node.close();
    const last = await ether.heard(({ ttl }) => ttl === 0);
    expect(last.announcement).toEqual(announcement);
  });
});

describe("a program that discovers", () => {
  it("is told what was looked for, where, and what is there instead", async () => {
    const ether = await Ether.open();
    const executor = program("discover:", { cluster: "science", connectTimeout: 1500 });
    await ether.asked;
    await ether.announce(made("r", "127.0.0.1:9", { cluster: "render" }));
    const error = await executor.ready().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as Error).message).toMatch(
      /^No node answered at discover: within 1500 ms\. No node of the cluster "science" was found within \d+ ms by multicast DNS \(_pydist\._tcp\) on 127\.0\.0\.1; there are other clusters: "render"\. Start one with pydist-node spawn --discover --host 0\.0\.0\.0 and the same --cluster, or give an address, host:port\.$/,
    );
  });
});
