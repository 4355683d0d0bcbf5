import { createConnection, createServer } from "node:net";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { listenOnAnyPort } from "../support/cable.js";
import { spawnNode } from "../support/processes.js";

it("what goes over the wire shows nothing of a task", async () => {
  const node = await spawnNode();
  const heard: Buffer[] = [];
  const tap = createServer((near) => {
    const far = createConnection(Number(node.address.split(":").at(-1)), "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (bytes) => heard.push(bytes));
      from.on("error", () => to.destroy()).on("close", () => to.destroy());
      from.pipe(to);
    }
  });
  const executor = attach(`127.0.0.1:${await listenOnAnyPort(tap)}`);

  const marker = "attack at dawn ";
  const shout = (text: string) => `${text.toUpperCase()} answered`;
  expect(await executor.submit(shout, [marker.repeat(10_000)])).toMatch(/^ATTACK AT DAWN .* answered$/);

  const wire = Buffer.concat(heard);
  expect(wire.length).toBeGreaterThan(2 * marker.length * 10_000);
  for (const plain of [marker, marker.toUpperCase(), "toUpperCase", "answered"])
    expect(wire.includes(plain)).toBe(false);
});
