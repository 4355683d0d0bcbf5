import { initializerText, parseInitializer } from "@pydist/shipping/runtime";
import { describe, expect, test } from "vitest";
import { capturedOf } from "../support/captured.js";
import { thrownBy } from "./support.js";

describe("an initializer as text", () => {
  test("arrives with its arguments, and with what it captured", () => {
    const plain = { code: "code", args: "args" };
    expect(parseInitializer(initializerText(plain))).toEqual(plain);
    const captured = capturedOf(1000, "shared");
    // A view of more memory than its own.
    const view = { ...captured, bytes: new Uint8Array(Buffer.concat([Buffer.alloc(8), captured.bytes])).subarray(8) };
    const { captured: arrived } = parseInitializer(initializerText({ ...plain, captured: view }));
    expect({ ...arrived, bytes: undefined }).toEqual({ ...captured, bytes: undefined });
    expect(Buffer.from(arrived?.bytes ?? []).equals(captured.bytes)).toBe(true);
  });

  const base = { kind: "initializer", code: "c", args: "a" };
  test.each([
    "",
    "null",
    { ...base, kind: "later" },
    { ...base, args: 1 },
    { ...base, captured: null },
    { ...base, captured: { hash: "h", state: "fresh" } },
    { ...base, captured: { hash: "h", bytes: "", state: "later" } },
  ])("of another kind is refused: %j", (value) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    expect(thrownBy(() => parseInitializer(text)).message).toBe(
      "The executor's initializer cannot be read by this version of pydist. " +
        "Run the same version of pydist at the executor and on every node.",
    );
  });
});
