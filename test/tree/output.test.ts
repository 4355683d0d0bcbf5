import { expect, it } from "vitest";
import { spawnTree } from "../support/processes.js";
import { runProgram } from "../support/programs.js";

it("prints what tasks write with the names of their nodes, and the nodes print nothing of it", async () => {
  const tree = await spawnTree({
    name: "root",
    workers: 0,
    children: [{ name: "left", workers: 0, children: [{ name: "leaf" }] }, { name: "right" }],
  });
  const { code, stdout, stderr } = await runProgram(new URL("fixtures/printing.mjs", import.meta.url), {
    env: { PYDIST_ADDRESS: tree.address },
  });
  expect(code, stderr).toBe(0);
  expect(stderr.trimEnd().split("\n").sort()).toEqual(["[leaf] wrong", "[right] wrong"]);
  expect(stdout.trimEnd().split("\n").sort()).toEqual(["[leaf] right", "[right] right", "settled"]);
  expect(stdout).toMatch(/settled\n$/);
  for (const node of tree.nodes.values()) {
    expect(await node.stop()).toEqual({ code: 143, signal: null });
    expect(node.stdout.split("\n").length).toBe(2);
    expect(node.stderr).not.toContain("wrong");
  }
});
