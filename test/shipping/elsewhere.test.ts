import { fileURLToPath } from "node:url";
import { ship } from "@pydist/shipping";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Elsewhere, pack } from "./elsewhere.js";
import { fixture } from "./support.js";

type Fn = (...args: never[]) => unknown;
const functions = await fixture<Record<"read" | "list" | "bring" | "directory", Fn>>("elsewhere/probes.mjs");

let elsewhere: Elsewhere;
beforeAll(async () => {
  elsewhere = await Elsewhere.start({ packages: ["eventemitter3"] });
});
afterAll(() => elsewhere.stop());

const run = (fn: Fn, ...args: unknown[]) => elsewhere.run(pack(ship(fn), args));

// All other tests here rest on it: a process that could read our files would prove nothing.
describe("the process that the tests run functions in", () => {
  test.each([
    ["a file of this test", fileURLToPath(new URL("./fixtures/elsewhere/probes.mjs", import.meta.url))],
    ["the sources of pydist", fileURLToPath(new URL("../../packages/shipping/dist/index.js", import.meta.url))],
    ["the manifest of the repository", fileURLToPath(new URL("../../package.json", import.meta.url))],
  ])("may not read %s", async (_what, path) => {
    expect((await run(functions.read, path)).error).toMatchObject({ code: "ERR_ACCESS_DENIED" });
  });

  test("may not list the folders of this test's packages", async () => {
    const path = fileURLToPath(new URL("../node_modules", import.meta.url));
    expect((await run(functions.list, path)).error).toMatchObject({ code: "ERR_ACCESS_DENIED" });
  });

  test("lacks the packages of the sender, but for those that were installed there", async () => {
    expect((await run(functions.bring, "eventemitter3")).error).toBeUndefined();
    expect((await run(functions.bring, "p-map")).error?.message).toMatch(/p-map/);
  });

  test("works in an empty directory of its own", async () => {
    expect((await run(functions.directory)).value).toEqual([elsewhere.directory, ["node_modules"]]);
    expect(elsewhere.directory).not.toBe(process.cwd());
  });
});
