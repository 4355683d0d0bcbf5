import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { casesOf, sameElsewhere } from "./capturing.js";
import { Elsewhere } from "./elsewhere.js";

// A module for each theme; those of CommonJS are sloppy where they do not say otherwise.
const themes = [
  ["values of every type", "values.mjs"],
  ["closures and their variables", "closures.mjs"],
  ["modules and their names", "imports.mjs"],
  ["what CommonJS brings", "commonjs.cjs"],
  ["kinds of functions", "kinds.mjs"],
  ["functions as objects", "function-objects.mjs"],
  ["classes", "classes.mjs"],
  ["inheritance", "inheritance.mjs"],
  ["private members", "privates.mjs"],
  ["identity and cycles", "identity.mjs"],
  ["sloppy functions", "sloppy.cjs"],
  ["what programs are made of", "patterns.mjs"],
] as const;

const corpus = await Promise.all(themes.map(async ([theme, file]) => [theme, await casesOf(file)] as const));

let elsewhere: Elsewhere;
beforeAll(async () => {
  // What its user installed there, as everywhere.
  elsewhere = await Elsewhere.start({ packages: ["eventemitter3", "acorn"] });
});
afterAll(() => elsewhere.stop());

describe.each(corpus)("%s: elsewhere as here", (_theme, cases) => {
  for (const example of cases) test(example.title, (ctx) => sameElsewhere(elsewhere, example, ctx));
});

test("no two cases have one title", () => {
  const titles = corpus.flatMap(([theme, cases]) => cases.map(({ title }) => `${theme}: ${title}`));
  expect(new Set(titles).size).toBe(titles.length);
});
