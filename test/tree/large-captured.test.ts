import { dialUntil, resolveSecret, VERSION } from "pydist-node";
import { describe, expect, it } from "vitest";
import { capturedOf, capturing, programWith } from "../support/captured.js";
import { fileHome, spawnTree } from "../support/processes.js";

describe("100 MB that a function captured", () => {
  it("pass through a node to the next, with heartbeats in between", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "a" }, { name: "b" }] });
    const { engine, dispatcher } = programWith("program");
    const { key, source } = await resolveSecret({ secretFile: fileHome().secretFile, env: {}, mayGenerate: false });
    const hello = { version: VERSION, role: "executor", id: "program", name: "program", cluster: "default" } as const;
    const link = await dialUntil([tree.address], {
      ...{ key, secretSource: source, hello: { ...hello, workers: 0 } },
    });
    try {
      engine.addChild(link, { id: link.peer.id, name: link.peer.name, role: "node" });
      const captured = capturedOf(100_000_000);
      const code = capturing((n: number) => n + 1, captured);
      const before = link.bytesOut;
      const futures = Array.from({ length: 8 }, (_, n) => dispatcher.submit(code, [n], undefined));
      expect(await Promise.all(futures)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      // Once, however many tasks and nodes there are.
      expect(link.bytesOut - before).toBeGreaterThan(100_000_000);
      expect(link.bytesOut - before).toBeLessThan(101_000_000);
      expect(link.state).toBe("open");
      expect(link.rtt).toBeLessThan(5000);
      expect(engine.kept.size).toBe(0);
    } finally {
      await engine.close("over");
    }
  });
});
