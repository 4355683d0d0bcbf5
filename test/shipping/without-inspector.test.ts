import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { outcomesOf, permissionFlag } from "../support/permission.js";

const program = fileURLToPath(new URL("./fixtures/without-inspector.mjs", import.meta.url));
const flags = process.allowedNodeEnvironmentFlags;

interface Came {
  readonly value?: unknown;
  readonly shipped?: string;
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
}

/** What came of each function of the fixture. */
const outcomes = (...options: string[]) => outcomesOf<Came>(program, options);

const forbidden = await outcomes(permissionFlag, "--allow-fs-read=*");
const allowed = await outcomes();

describe("where the permission model forbids the inspector", () => {
  test.each([
    ["plain", 42],
    ["globals", '4["URL"]'],
    ["imports", "a/b"],
    // JSON has no infinity.
    ["global", null],
    ["recursive", 24],
    ["context", "n1"],
    ["contextInside", ["n1"]],
    ["contextOfNamespace", "n1"],
  ])("what sees only what every node has travels and runs: %s", (key, value) => {
    expect(forbidden[key]).toEqual({ value });
    expect(allowed[key]).toEqual({ value });
  });

  test("and so does a task() reference", () => {
    expect(forbidden.reference).toEqual({ shipped: "named" });
  });

  const allow = flags.has("--allow-inspector")
    ? "Start Node with --allow-inspector"
    : "Start Node without the permission model";

  test.each([
    ["variable", 'function "variable" uses "threshold"'],
    ["several", 'function "several" uses "threshold", "createHash"'],
    ["hidden", 'function "hidden" uses "escape"'],
    ["hiddenTask", 'function `() => task.context().node` uses "task"'],
    ["thisArrow", 'function `() => this.step` uses "this"'],
    ["argumentsArrow", 'function `() => arguments.length` uses "arguments"'],
    ["meta", 'function "meta" uses "import.meta"'],
    ["relative", 'function "relative" uses "./native.cjs"'],
    ["bound", 'function "bound " uses what is around it'],
  ])("what sees more says why it cannot, and how to allow it: %s", (key, what) => {
    const { message, remedy, ...others } = forbidden[key] as Came;
    expect(others).toEqual({ name: "ShippingError", code: "PYDIST_E_SHIPPING" });
    expect(message).toMatch(
      new RegExp(`^submit: ${escaped(what)}, which only Node's inspector can read, and it cannot be used: `),
    );
    expect(message).toContain("the permission model forbids it");
    expect(message?.endsWith(` ${remedy}`)).toBe(true);
    expect(
      remedy?.startsWith(`${allow}, pass what the function needs as arguments, or submit task(import.meta.url, "`),
    ).toBe(true);
    expect(allowed[key], "with the inspector it travels").toHaveProperty("value");
  });

  test.each([
    [
      "newTarget",
      'function `() => new.target` uses new.target, which means nothing without what is around the function. Write it without, or submit task(import.meta.url, "name").',
    ],
    [
      "superMethod",
      'function "above" uses super, which means nothing without what is around the function. Write it without, or submit task(import.meta.url, "above").',
    ],
    [
      "method",
      'function "method" is a method that uses this at 1:19 of its text, and a task is called without its object. Bind it: obj.method.bind(obj); or wrap it: (...args) => obj.method(...args).',
    ],
    [
      "changedGlobal",
      'function "changedGlobal" uses "Math.random", which this program has made or changed. Put it into a variable of your own, and use that: a node has only what Node has.',
    ],
    [
      "madeMember",
      'function "madeMember" uses "globalThis.ownName", which this program has made or changed. Put it into a variable of your own, and use that: a node has only what Node has.',
    ],
    [
      "nodes",
      'function "join" is Node\'s own, not text that could travel. Wrap it: async (...args) => (await import("node:path")).join(...args).',
    ],
  ])("what could not travel anyway, or only otherwise, does not ask for the inspector: %s", (key, message) => {
    expect(forbidden[key]?.message).toBe(`submit: ${message}`);
  });

  test("with --allow-inspector all is as without the permission model", async (ctx) => {
    if (!flags.has("--allow-inspector")) ctx.skip(`Node ${process.version} has no --allow-inspector`);
    expect(await outcomes(permissionFlag, "--allow-fs-read=*", "--allow-inspector")).toEqual(allowed);
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
