import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { casesOf, sameElsewhere } from "./capturing.js";
import { Elsewhere } from "./elsewhere.js";
import { type RefusedCase, refused } from "./refusals.js";
import { fixture } from "./support.js";

const modules = await Promise.all(
  ["refused.mjs", "refused.cjs"].map(async (file) => {
    const { cases } = await fixture<{ cases: RefusedCase[] }>(`capture/${file}`);
    return [file, cases] as const;
  }),
);

let elsewhere: Elsewhere;
beforeAll(async () => {
  elsewhere = await Elsewhere.start();
});
afterAll(() => elsewhere.stop());

describe.each(modules)("refused at submit, with place, path and remedy, nothing run: %s", (_file, cases) => {
  for (const example of cases) test(example.title, (ctx) => refused(elsewhere, example, ctx));

  test("no two have one title", () => {
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
  });
});

// What finds out which variables are shared must not give up for good where it could not tell once.
test("after all of these refusals, functions that share variables leave as before", async (ctx) => {
  const shared = (await casesOf("closures.mjs")).filter(({ rewritten }) => rewritten === true);
  expect(shared.length).toBeGreaterThan(5);
  for (const example of shared) await sameElsewhere(elsewhere, example, ctx);
});
