import type { Step } from "pydist";
import { expect, it } from "vitest";
import { Explanation } from "../../packages/pydist/dist/explanation.js";

const tries = { attempt: 1, attempts: 1, losses: [] };
const root = { node: "r", name: "root", address: "h:1" };
const time = { for: 1500, thread: 4 };
const queued = (because: Extract<Step, { is: "queued" }>["because"], away: string[] = []): Step => {
  return { ...root, is: "queued", because, away, ...tries };
};

/** The words for the last step of a way. */
function wordsFor(step: Step): string | undefined {
  const future = { state: "pending" } as ConstructorParameters<typeof Explanation>[0]["future"];
  return new Explanation({ task: "t", future, path: [step] }).text.split("\n").at(-1)?.trim();
}

it.each<[Step, string]>([
  [
    queued({ why: "busy", slots: 3, waiting: 2 }),
    "waits here: others have the slots within its reach (3), or are in front of it (2 wait here)",
  ],
  [
    queued({ why: "busy", slots: 3, waiting: 2 }, ["a"]),
    "waits here: others have the slots within its reach (3), or are in front of it (2 wait here); the link to a is away",
  ],
  [
    queued({ why: "clogged" }),
    "waits here: results for whoever sent it wait to be read, and none of its tasks start meanwhile",
  ],
  [queued({ why: "absent", node: "b" }), "waits here: it is for node b alone, which is not in the tree"],
  [queued({ why: "newer" } as never), "waits here: newer"],
  [
    { ...root, is: "fetching", what: "code", for: 1500, ...tries },
    "waits here for its code, which is on the way from above, for 1.5 s",
  ],
  [
    { ...root, is: "fetching", what: "files", for: 1500, ...tries },
    "waits here for its files, which are on the way from above, for 1.5 s",
  ],
  [{ ...root, is: "loading", ...time, others: 2, ...tries }, "waits for thread 4, which has 2 other runs, for 1.5 s"],
  [
    { ...root, is: "next", after: 3, ...time, ...tries },
    "waits on thread 4 for 3 of those sent along with it, for 1.5 s",
  ],
  [
    { ...root, is: "running", ...time, thread: undefined, ...tries },
    "runs on a thread that is being started, for 1.5 s",
  ],
  [
    { ...root, is: "ready", ...time, ...tries },
    "began 1.5 s ago, has what it waited for, and waits for a slot to go on",
  ],
  [{ ...root, is: "over", ...tries }, "is done with here; the news is on its way"],
  [{ ...root, is: "gone" }, "knows nothing of it: news is on its way. Ask again"],
])("%o in words", (step, words) => {
  expect(wordsFor(step)).toBe(`root at h:1: ${words}`);
});
