import { fileURLToPath } from "node:url";
import { ship } from "@pydist/shipping";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AnyFunction, type CaptureCase, sameElsewhere } from "./capturing.js";
import { Elsewhere, pack } from "./elsewhere.js";
import { fixture } from "./support.js";

interface Places {
  readonly anywhere: CaptureCase[];
  readonly beside: CaptureCase[];
  readonly missing: CaptureCase;
}
const folder = fileURLToPath(new URL("./fixtures/capture/places", import.meta.url));
const modules = await Promise.all(
  ["here.mjs", "here.cjs"].map(async (file) => [file, await fixture<Places>(`capture/places/${file}`)] as const),
);

// One node that has the files at the same place, as with a shared disk, and one that has not.
let [near, far]: Elsewhere[] = [];
beforeAll(async () => {
  [near, far] = await Promise.all([
    Elsewhere.start({ reads: [folder], packages: ["eventemitter3"] }),
    Elsewhere.start({ packages: ["eventemitter3"] }),
  ]);
});
afterAll(() => Promise.all([near?.stop(), far?.stop()]));

describe.each(modules)("where a function was written: %s", (_file, { anywhere, beside, missing }) => {
  for (const example of anywhere) {
    test(`nastiest 14: ${example.title}, on any node`, (ctx) => sameElsewhere(far as Elsewhere, example, ctx));
  }

  for (const example of beside) {
    test(`nastiest 14: ${example.title}, where the file is`, (ctx) => sameElsewhere(near as Elsewhere, example, ctx));
  }

  test("nastiest 14: where the file is not, the error names it", async () => {
    const { error } = await (far as Elsewhere).run(pack(ship(missing.make() as AnyFunction)));
    expect(error?.message).toContain("rel");
    expect(error?.message).not.toContain("is not defined");
  });
});
