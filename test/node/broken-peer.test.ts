import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeFrame, type Frame } from "@pydist/protocol";
import { ClusterExecutor } from "pydist";
import { ClusterNode, dial, resolveSecret } from "pydist-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkFrame } from "../../packages/pydist-node/dist/engine/frame-schema.js";

const HASH = "a".repeat(64);
const head = {
  code: HASH,
  name: "f",
  executor: "e",
  batch: 1,
  first: 0,
  hops: 1,
  travelled: 0,
  priority: 0,
  attempts: 3,
  attempt: 1,
  depth: 0,
  grace: 1000,
};

const wrong: [string, object][] = [
  ["a lease that is no number", { t: "cancel", lease: "1", ranges: [] }],
  ["ranges that run backwards", { t: "cancel", lease: 1, ranges: [5, 2] }],
  [
    "an offer of half a range",
    { t: "offer", offer: 1, executor: "e", batch: 1, code: HASH, first: 0, count: 1, ranges: [1] },
  ],
  ["an adoption of no offer", { t: "tasks", lease: 1, head, adopts: { ranges: [0, 1] } }],
  ["half a range", { t: "returned", lease: 1, ranges: [5] }],
  ["a negative count", { t: "recall", max: -1 }],
  ["hops that are no number", { t: "tasks", lease: 1, head: { ...head, hops: null } }],
  ["a hash that is none", { t: "needCode", hash: "../../secret" }],
  ["slots that are no list", { t: "credit", slots: 3, busyElsewhere: 0, window: 1, bytes: 1 }],
  ["more slots than a number can count", { t: "credit", slots: [1e300], busyElsewhere: 0, window: 1, bytes: 1 }],
  ["more slots than any tree has", { t: "credit", slots: [2 ** 40], busyElsewhere: 0, window: 1, bytes: 1 }],
  ["an order that there is not", { t: "order", id: 1, order: "jump", node: null }],
  ["a question that may take for years", { t: "trace", id: 1, lease: 1, index: 0, time: 1e12 }],
  ["a question to all that may take for years", { t: "ask", id: 1, what: "nodes", time: 1e12 }],
  ["an answer to nobody's question", { t: "answer", id: "x", value: 1 }],
];

describe("a frame of an authenticated peer", () => {
  it.each(wrong)("with %s is malformed", (_what, frame) => {
    expect(() => checkFrame(frame as Frame)).toThrow(/^Malformed frame "/);
  });

  it("of a kind that only a newer version knows is passed over", () => {
    expect(checkFrame({ t: "teleport" } as unknown as Frame)).toBeUndefined();
    expect(checkFrame({ t: "toString" } as unknown as Frame)).toBeUndefined();
  });

  it("loses fields that only a newer version knows", () => {
    expect(checkFrame({ t: "recalled", colour: "red" } as unknown as Frame)).toEqual({ t: "recalled" });
  });
});

describe("a broken peer loses its own link and disturbs nobody", () => {
  let folder = "";
  let secretFile = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pydist-test-"));
    secretFile = join(folder, "secret");
    writeFileSync(secretFile, `${"s".repeat(43)}\n`, { mode: 0o600 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const bytes = (frame: object): Uint8Array => encodeFrame(frame as Frame);
  it.each<[string, "node" | "executor", Uint8Array]>([
    ...wrong.map(([what, frame]): [string, "node" | "executor", Uint8Array] => [what, "executor", bytes(frame)]),
    ["no frame at all", "node", Uint8Array.of(1, 2, 3)],
    ["code under another's hash", "executor", bytes({ t: "code", hash: HASH, text: "{}" })],
    ["an executor's word on who is above", "executor", bytes({ t: "ancestry", chain: [], settled: true })],
    ["an executor's order", "executor", bytes({ t: "order", id: 1, order: "stop", node: null })],
    ["tasks without bodies", "executor", bytes({ t: "tasks", lease: 1, head })],
    ["results that are no bodies", "node", bytes({ t: "results", lease: 1, from: 0, node: "n", hops: 0, attempt: 1 })],
  ])("%s", async (_what, role, message) => {
    const node = await ClusterNode.start({ port: 0, workers: 1, secretFile });
    const executor = new ClusterExecutor(node.address, { secretFile });
    try {
      const before = executor.submit(async () => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return "undisturbed";
      });
      await executor.ready();
      const { key, source } = await resolveSecret({ secretFile, env: {}, mayGenerate: false });
      const identity = {
        id: "broken",
        name: "broken",
        cluster: "default",
        version: "9",
        workers: 1,
      };
      const link = await dial(node.address, { key, secretSource: source, hello: { ...identity, role } });
      link.send(message);
      expect((await link.closed).kind).toBe("closed-by-peer");
      expect(await before).toBe("undisturbed");
      expect(await executor.map((n: number) => n, [1, 2, 3])).toEqual([1, 2, 3]);
    } finally {
      await executor.shutdown({ cancelFutures: true });
      await node.close();
    }
  });

  it("results of tasks that it was never given, ranges beyond the end: passed over", async () => {
    const node = await ClusterNode.start({ port: 0, workers: 1, secretFile });
    const executor = new ClusterExecutor(node.address, { secretFile });
    try {
      await executor.ready();
      const { key, source } = await resolveSecret({ secretFile, env: {}, mayGenerate: false });
      const identity = { id: "odd", name: "odd", cluster: "default", version: "9", workers: 1 };
      const link = await dial(node.address, { key, secretSource: source, hello: { ...identity, role: "node" } });
      for (let lease = 0; lease < 50; lease++) {
        link.send(bytes({ t: "returned", lease, ranges: [0, Number.MAX_SAFE_INTEGER] }));
        link.send(bytes({ t: "started", lease, ranges: [0, Number.MAX_SAFE_INTEGER] }));
        link.send(bytes({ t: "recalled" }));
        link.send(bytes({ t: "nodeLost", ids: [node.id], cause: "slander" }));
      }
      expect(
        await executor.map(
          (n: number) => n,
          Array.from({ length: 100 }, (_, i) => i),
        ),
      ).toHaveLength(100);
      expect(link.state).toBe("open");
      await link.close();
    } finally {
      await executor.shutdown({ cancelFutures: true });
      await node.close();
    }
  });
});
