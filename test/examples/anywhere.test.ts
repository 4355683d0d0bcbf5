import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { goTo, type Place } from "./clusters.js";
import { run, wrongWorkers } from "./support.js";

/** Examples that run unchanged on this machine and on a cluster, with sizes for tests, and what they print. */
const examples: [string, string[], RegExp[]][] = [
  [
    "native-code",
    [],
    [
      /^WebAssembly: gcd\(1071, 462\) = 21, gcd\(270, 192\) = 6, gcd\(17, 5\) = 1$/m,
      /^processes: desserts, reward$/m,
      /^one that fails: 3$/m,
    ],
  ],
  [
    "monte-carlo",
    ["--portions", "8", "--darts", "20000", "--seed", "7", "--check"],
    [/^pi is about 3\.141375, give or take 0\.0041, after 160000 darts$/m, /^check: the same as a serial run$/m],
  ],
  ["hyper-search", ["--steps", "300"], [/^97\.0 % right with \{/m, /^good enough after \d+ of 36 settings$/m]],
  [
    "divide-and-conquer",
    ["--digits", "6"],
    [/^the integral of sin\(1 \/ x\) from 0\.01 to 1 is 0\.503982, found by \d\d tasks$/m],
  ],
  [
    "huge-file",
    ["--megabytes", "40", "--slice", "3"],
    [/^39 words in 40 MB, read in 14 slices in [\d.]+ s$/m, /^moved: \d{3,4} bytes$/m],
  ],
];

describe.each(["on this machine alone", "on a tree"] as const)("%s", (name) => {
  let place: Place;
  beforeAll(async () => {
    place = await goTo(name);
  });
  afterAll(() => place?.leave());

  it.each(examples)("the example %s comes to its result", async (example, args, printed) => {
    const before = await place.calls();
    const { code, stdout, stderr } = await run(example, args, place.env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const each of printed) expect(stdout).toMatch(each);
    if (before !== undefined) expect(await place.calls()).toBeGreaterThan(before);
  });
});

describe("the example pydist-cluster", () => {
  it("sends tasks to the head, and all nodes below it do their part", async () => {
    const place = await goTo("on a tree");
    try {
      const args = [place.env.PYDIST_ADDRESS ?? "", "--tasks", "80", "--size", "200000"];
      const { code, stdout, stderr } = await run("pydist-cluster", args, { ...place.env, PYDIST_ADDRESS: "" });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/^ {2}root .*\n {2}├─ child-1 .*\n {2}│ {2}└─ grandchild .*\n {2}└─ child-2 /m);
      expect(stdout).toContain("longest sequence from below 200001: 156159, with 382 steps");
      expect(stdout).toMatch(/^80 tasks, at most [0-2] links below the head:$/m);
      const calls = [...stdout.matchAll(/^ {2}(\S+) +(\d+) +[\d.]+ s +\d+ %$/gm)];
      expect(calls.map(([, name]) => name).sort()).toEqual(["child-1", "child-2", "grandchild", "root"]);
      expect(calls.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(80);
    } finally {
      await place.leave();
    }
  });
});

it("the example monte-carlo says so and fails when the nodes count wrong", async () => {
  const args = ["--portions", "2", "--darts", "1000", "--check"];
  const { code, stdout } = await run("monte-carlo", args, { NODE_OPTIONS: wrongWorkers });
  expect(stdout).toContain("check: NOT the same as a serial run");
  expect(code).toBe(1);
});
