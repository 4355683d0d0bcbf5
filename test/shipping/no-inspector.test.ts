import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { outcomesOf, permissionFlag } from "../support/permission.js";

const program = fileURLToPath(new URL("./fixtures/elsewhere/forbidden.mjs", import.meta.url));
const flags = process.allowedNodeEnvironmentFlags;
const outcomes = (...args: string[]) => outcomesOf<unknown>(program, args);

describe("where the permission model forbids the inspector", () => {
  test("functions that need nothing of it still leave, others say why and how to allow it", async () => {
    const { captured, ...others } = await outcomes(permissionFlag, "--allow-fs-read=*");
    // So none of these opens the inspector anywhere.
    expect(others).toEqual({ alone: "shipped", global: "shipped", reference: "shipped" });
    expect(captured).toMatchObject({ class: "ShippingError", code: "PYDIST_E_SHIPPING" });
    const { message, remedy } = captured as { message: string; remedy: string };
    expect(message).toContain("threshold");
    expect(message).toContain("inspector");
    expect(message).toContain(remedy);
    expect(remedy).toMatch(/task\(/);
    if (flags.has("--allow-inspector")) expect(message).toContain("--allow-inspector");
  });

  test("and with --allow-inspector everything does", async (ctx) => {
    if (!flags.has("--allow-inspector")) ctx.skip(`Node ${process.version} has no --allow-inspector`);
    const all = await outcomes(permissionFlag, "--allow-fs-read=*", "--allow-inspector");
    expect(new Set(Object.values(all))).toEqual(new Set(["shipped"]));
  });
});

test("without the permission model everything leaves", async () => {
  expect(new Set(Object.values(await outcomes()))).toEqual(new Set(["shipped"]));
});
