import { ConnectionError } from "pydist";
import { describe, expect, it } from "vitest";
import { discoverer, namesBelow, oneTree, program } from "./lan.js";

describe("nodes that discover", () => {
  it("join the one that is there, and a program without an address has all of them", async () => {
    const { node: first } = await discoverer({ name: "first" });
    const { node: second } = await discoverer({ name: "second" });
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
});

describe("a program that discovers", () => {
  it("is told what was looked for, where, and what is there instead", async () => {
    await discoverer({ cluster: "render" });
    const executor = program("discover:", { cluster: "science", connectTimeout: 1500 });
    const error = await executor.ready().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as Error).message).toMatch(
      /^No node answered at discover: within 1500 ms\. No node of the cluster "science" was found within \d+ ms by multicast DNS \(_pydist\._tcp\) on 127\.0\.0\.1; there are other clusters: "render"\. Start one with pydist-node spawn --discover --host 0\.0\.0\.0 and the same --cluster, or give an address, host:port\.$/,
    );
  });
});
