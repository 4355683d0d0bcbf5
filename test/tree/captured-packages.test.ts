import { describe, expect, it } from "vitest";
import { importNatively } from "../shipping/support.js";
import { attach, bareNode } from "./brought.js";

const { functions } = await importNatively<{ functions: Record<string, () => unknown> }>(
  new URL("../fixtures/capturing-packages.mjs", import.meta.url),
);

describe("functions that use packages, on a node that has none of them", () => {
  it("do there what they do here", { timeout: 120_000 }, async () => {
    const executor = await attach((await bareNode()).address);
    const names = Object.keys(functions);
    const there = await Promise.allSettled(names.map((name) => executor.submit(functions[name] as () => unknown)));
    const here = names.map((name) => (functions[name] as () => unknown)());
    const shown = there.map((each) => (each.status === "fulfilled" ? each.value : String(each.reason)));
    expect(Object.fromEntries(names.map((name, i) => [name, shown[i]]))).toEqual(
      Object.fromEntries(names.map((name, i) => [name, here[i]])),
    );
  });
});
