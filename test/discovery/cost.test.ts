import { setTimeout as sleep } from "node:timers/promises";
import { ClusterNode } from "pydist-node";
import { expect, it } from "vitest";
import { opened } from "../support/opened.js";
import { fileHome } from "../support/processes.js";
import { discoverer } from "./lan.js";

async function timed(what: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await what();
  return performance.now() - since;
}

it("an address is quicker than a search, which takes no more than two seconds", async () => {
  const { node: root } = await discoverer({ name: "root", workers: 0 });
  const { secretFile } = fileHome();
  const byAddress: number[] = [];
  const bySearch: number[] = [];
  for (let i = 0; i < 3; i++) {
    byAddress.push(
      await timed(async () =>
        opened(await ClusterNode.start({ port: 0, workers: 0, secretFile, parent: root.address })),
      ),
    );
    bySearch.push(await timed(() => discoverer({ workers: 0 })));
  }
  // The machine may be busy once, but not each time.
  expect(Math.min(...byAddress)).toBeLessThan(Math.min(...bySearch));
  expect(Math.min(...bySearch)).toBeLessThan(2000);
});

it("the event loop stays free while a node looks for others", async () => {
  /** By how many milliseconds a timer of 10 ms was late at worst, as far as this process computed meanwhile. */
  const worst = async (): Promise<number> => {
    const over = new AbortController();
    const search = discoverer({ workers: 0 }).finally(() => over.abort());
    let most = 0;
    while (!over.signal.aborted) {
      const before = process.cpuUsage();
      const late = (await timed(() => sleep(10))) - 10;
      const { user, system } = process.cpuUsage(before);
      most = Math.max(most, Math.min(late, (user + system) / 1000));
    }
    await (await search).node.close();
    return most;
  };
  const seen: number[] = [];
  // Whatever else the machine does, it does not do it each time.
  while (seen.length < 30 && Math.min(...seen) >= 20) seen.push(await worst());
  expect(Math.min(...seen)).toBeLessThan(20);
});

it("a search with nobody there asks ever more seldom, and says so at debug", async () => {
  const { log } = await discoverer({ workers: 0 });
  const message = "Asking for a tree to join";
  await log.logged(message, 3);
  const asked = log.lines.filter((line) => line.message === message);
  expect(asked.map(({ level, fields }) => [level, fields.pause])).toEqual([
    ["debug", 1000],
    ["debug", 2000],
    ["debug", 4000],
  ]);
  expect(log.lines.filter(({ level }) => level !== "debug")).toEqual([]);
});
