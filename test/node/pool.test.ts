import { type Bodies, BodiesBuilder, countOf, encodeArguments, Kind, Outcome, outcomeAt } from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Texts } from "../../packages/pydist-node/dist/pool/messages.js";
import { Pool } from "../../packages/pydist-node/dist/pool/pool.js";

const { hash, text } = ship((n: number) => n + 1);
const texts: Texts = { code: text, initializer: undefined, captured: undefined };
const limits = { hops: 1, travelled: 0, priority: 0, attempts: 3, attempt: 1, depth: 0, grace: 1000 };
const head = { code: hash, name: "addOne", executor: "e", batch: 1, first: 0, ...limits };

function calls(count: number): Bodies {
  const bodies = new BodiesBuilder();
  for (let n = 0; n < count; n++) bodies.add(encodeArguments([n]));
  return bodies.build();
}

type News = ["result", index: number, outcome: number] | ["returned", ranges: number[]];

let news: News[] = [];
let told: () => void = () => {};
/** Called with each result. */
let onResults: () => void = () => {};
let pool: Pool;
beforeEach(() => {
  news = [];
  onResults = () => {};
  pool = new Pool(
    { node: "n", workers: 1, tasksPerWorker: 1 },
    {
      results(_lease, from, bodies) {
        for (let i = 0; i < countOf(bodies); i++) news.push(["result", from + i, outcomeAt(bodies, i)]);
        told();
        onResults();
      },
      started: () => {},
      returned: (_lease, ranges) => {
        news.push(["returned", [...ranges]]);
        told();
      },
      suspended: () => {},
      ready: () => {},
      said: () => {},
      stray: () => {},
      output: () => {},
      threadDied: () => {},
    },
  );
});
afterEach(() => pool.destroy());

async function until(count: number): Promise<News[]> {
  while (news.length < count) {
    await new Promise<void>((resolve) => {
      told = resolve;
    });
  }
  return news;
}

describe("a run whose code is on its way", () => {
  it("gives tasks back and cancels them at once; the rest runs when the code is there", async () => {
    let arrives: (texts: Texts) => void = () => {};
    const code = new Promise<Texts>((resolve) => {
      arrives = resolve;
    });
    pool.start(1, head, calls(4), code);
    pool.recall(1);
    pool.cancel(1, [0, 1], undefined);
    expect(news).toEqual([
      ["returned", [3, 4]],
      ["result", 0, Outcome.Cancelled],
    ]);
    arrives(texts);
    expect(await until(4)).toEqual([
      ["returned", [3, 4]],
      ["result", 0, Outcome.Cancelled],
      ["result", 1, 0],
      ["result", 2, 0],
    ]);
  });

  it("fails those that are left if the code does not come", async () => {
    const gone = Promise.reject(new Error("nobody has it"));
    pool.start(1, head, calls(3), gone);
    pool.cancel(1, [1, 2], undefined);
    const results = await until(3);
    expect(results).toEqual([
      ["result", 1, Outcome.Cancelled],
      ["result", 0, Outcome.Failed],
      ["result", 2, Outcome.Failed],
    ]);
  });
});

it("large arguments that cannot be decoded fail their own task alone", async () => {
  const bodies = new BodiesBuilder();
  bodies.add(encodeArguments([1]));
  bodies.add({ kind: Kind.Plain, text: `[${"0,".repeat(600_000)}`, bytes: undefined });
  bodies.add(encodeArguments([2]));
  pool.start(1, head, bodies.build(), texts);
  expect((await until(3)).sort()).toEqual([
    ["result", 0, 0],
    ["result", 1, Outcome.Failed],
    ["result", 2, 0],
  ]);
});

describe("a listener that throws", () => {
  it("is not taken for a thread that died: nothing is told twice, and the next run goes on", async () => {
    // Where it surfaces depends on how the results came: with the end of the run, or before it.
    const events = ["unhandledRejection", "uncaughtException"] as const;
    const hooks = events.map((event) => process.listeners(event as "uncaughtException"));
    for (const event of events) process.removeAllListeners(event);
    const thrown = Promise.race(
      events.map((event) => new Promise<unknown>((resolve) => process.once(event as "uncaughtException", resolve))),
    );
    try {
      onResults = () => {
        throw new Error("of the listener");
      };
      pool.start(1, head, calls(1), texts);
      expect(await thrown).toMatchObject({ message: "of the listener" });
    } finally {
      events.forEach((event, i) => {
        process.removeAllListeners(event);
        for (const hook of hooks[i] ?? []) process.on(event as "uncaughtException", hook);
      });
    }
    onResults = () => {};
    pool.start(2, head, calls(1), texts);
    expect(await until(2)).toEqual([
      ["result", 0, 0],
      ["result", 0, 0],
    ]);
  });
});
