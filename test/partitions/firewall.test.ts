import { expect, it } from "vitest";
import { launchNode, nodeJoined, runCli, spawnNode } from "../support/processes.js";
import { Network, whatIsMissing } from "./network.js";

/** Machines of which each lets those in that are further out, and none dials out. */
const HOSTS = ["front", "inner", "deep"] as const;
const WAITS = ["--await-parent", "--allow-exec"];

it("where no machine can dial out, parents that dial make the tree, and a cut of 2 s is survived", async (ctx) => {
  const missing = whatIsMissing();
  if (missing !== undefined) ctx.skip(missing);
  const network = new Network(HOSTS);
  network.forbid("inner", "front");
  network.forbid("deep", "inner");
  network.forbid("deep", "front");
  const on = (name: (typeof HOSTS)[number], ...args: string[]) => ({
    name,
    inside: network.inside(name),
    port: 9000,
    args: ["--host", network.address(name), ...args],
  });

  const deep = await spawnNode(on("deep", ...WAITS));
  const front = await spawnNode(on("front", "--allow-exec", "--children", network.address("inner")));
  const outward = launchNode(on("inner", "--parent", front.address, "--connect-timeout", "1500"));
  expect(await outward.exited).toEqual({ code: 3, signal: null });
  const inner = await spawnNode(on("inner", ...WAITS, "--children", deep.address));
  await Promise.all([nodeJoined(front, inner.id), nodeJoined(front, deep.id)]);

  const run = async () => {
    const command = ["run", "--all", front.address, "--", "node", "-p", "1 + 1"];
    const { code, stdout, stderr } = await runCli(command, { inside: network.inside("front") });
    return { code, lines: stdout.trimEnd().split("\n").sort(), wrong: code === 0 ? "" : stderr };
  };
  const all = { code: 0, lines: ["[deep] 2", "[front] 2", "[inner] 2"], wrong: "" };
  expect(await run()).toEqual(all);

  network.cut("front", "inner");
  await new Promise((resolve) => setTimeout(resolve, 2000));
  network.heal();
  network.forbid("inner", "front");
  // TCP waits twice as long each time before it sends again what was lost; until then nobody answers.
  await expect.poll(run, { timeout: 30_000 }).toEqual(all);
  expect(front.stderr).not.toMatch(/Node (lost|left)/);
});
