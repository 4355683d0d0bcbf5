import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
