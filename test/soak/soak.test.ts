import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { descendantsOf } from "../support/process-table.js";
import { isAlive, type NodeProcess, spawnNode } from "../support/processes.js";
import { Judgement } from "./judgement.js";
import { Probes } from "./probes.js";
import { Program } from "./program.js";

/*
 * A tree at work for so long that whatever grows has time to. `npm run soak -- --minutes 10`
 * (`PYDIST_SOAK_MINUTES=10 npm test -- test/soak`) is how long it works; a minute, if nothing is said.
 */

const MINUTES = Number(process.env.PYDIST_SOAK_MINUTES ?? 1);
const MINUTE = 60_000;
/** The part at the beginning that does not count: compiled code, pools of buffers and the heap itself find their size. */
const WARMING = 1 / 3;
/** Samples that count, about: enough for a median, few enough to compare all pairs. */
const SAMPLES = 200;
const PAUSE = Math.max(1000, (MINUTES * MINUTE * (1 - WARMING)) / SAMPLES);
/** How long a node that comes to work stays. */
const VISIT = Math.min(10_000, (MINUTES * MINUTE) / 10);

type Spawn = (name: string, ...parent: NodeProcess[]) => Promise<NodeProcess>;

/** Nodes that come, one after the other, work for a while, and leave, until `over`. @returns how many came */
async function visits(spawn: Spawn, parent: NodeProcess, over: AbortSignal): Promise<number> {
  let visitors = 0;
  while (!over.aborted) {
    const node = await spawn(`visitor${++visitors}`, parent);
    await sleep(VISIT, undefined, { signal: over }).catch(() => {});
    await node.stop();
  }
  return visitors;
}

/** Each node is two processes. @returns what people call them, by process id */
function namesOf(nodes: Readonly<Record<string, NodeProcess>>): Map<number, string> {
  const names = new Map<number, string>();
  for (const [name, { pid }] of Object.entries(nodes)) {
    names.set(pid, `${name}'s supervisor`);
    for (const inner of descendantsOf(pid)) names.set(inner, name);
  }
  return names;
}

const title = `in ${MINUTES} min of work nothing of a tree grows: no memory, no files, no threads, no delay`;
it(title, { timeout: MINUTES * MINUTE + 120_000 }, async (ctx) => {
  if (process.platform !== "linux") ctx.skip("files and threads of a process are read from Linux's /proc");
  const probes = new Probes();
  const spawn: Spawn = (name, ...parents) =>
    spawnNode({ name, parent: parents.map(({ address }) => address), env: probes.env });
  const root = await spawn("root");
  const child = await spawn("child", root);
  const nodes = { root, child, sibling: await spawn("sibling", root), grandchild: await spawn("grandchild", child) };
  const program = new Program(root.address, probes.env);
  const names = namesOf(nodes).set(program.pid, "program");
  await program.warm();

  const over = new AbortController();
  const visiting = visits(spawn, child, over.signal);
  visiting.catch(() => {}); // If the program fails first, that is what is wrong.
  const judgement = new Judgement();
  const started = performance.now();
  for (;;) {
    await program.during(sleep(PAUSE));
    const at = (performance.now() - started) / MINUTE;
    if (at >= MINUTES) break;
    const answers = at < MINUTES * WARMING ? [] : await program.during(probes.ask());
    for (const { pid, ...measures } of answers) {
      const name = names.get(pid);
      if (name !== undefined) judgement.take(name, at, measures);
    }
  }
  over.abort();
  const visitors = await program.during(visiting);
  const replaced = [...names].filter(([pid]) => !isAlive(pid)).map(([, name]) => name);
  const done = await program.end();

  const { growing, table } = judgement.pass();
  console.log(`${table}\n${JSON.stringify({ ...done, visitors })}`);
  expect({ growing, replaced }).toEqual({ growing: [], replaced: [] });
  for (const node of Object.values(nodes).reverse()) await node.stop();
});
