import { ClusterExecutor } from "pydist";
import { expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome, spawnNode } from "../support/processes.js";
import { watch } from "../support/watchdog.js";

it("the watchdog tells where what hangs is, and how each node is", async () => {
  const node = await spawnNode({ name: "root" });
  const executor = new ClusterExecutor(node.address, { secretFile: fileHome().secretFile });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  const gate = await Gate.make();
  const future = executor.submit(hold, [gate.port, 1]);
  await gate.entered(1);
  const printed: string[] = [];
  const watched = { executor, futures: [future], print: (report: string) => void printed.push(report) };
  const failure = await watch(future, watched, 100).catch((error: Error) => error.message);
  expect(printed).toHaveLength(1);
  expect(failure).toMatch(/^Nothing came of it within 100 ms\.\nnodes: /);
  expect(failure).toMatch(/\n {2}root at 127\.0\.0\.1:\d+: runs on thread \d+, for \d+\.\d s\n/);
  const dump = /^dumps: root: (.*)$/m.exec(String(failure))?.[1] ?? "";
  expect(JSON.parse(dump)).toMatchObject({ id: node.id, scheduler: { duty: "working" } });
  gate.open();
  expect(await future).toBe(1);
});
