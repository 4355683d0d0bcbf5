import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { columns, duration, plain, styled } from "../../packages/pydist-node/dist/cli/output.js";
import { similar } from "../../packages/pydist-node/dist/cli/similar.js";

describe("colour", () => {
  beforeEach(() => {
    vi.stubEnv("NO_COLOR", undefined);
    vi.stubEnv("TERM", "xterm");
  });
  afterEach(() => vi.unstubAllEnvs());

  it("is for terminals", () => {
    expect(styled("red", "x", { isTTY: true })).toBe("\u001b[31mx\u001b[39m");
    expect(styled("red", "x", {})).toBe("x");
  });

  it("is for nobody who said NO_COLOR", () => {
    vi.stubEnv("NO_COLOR", "1");
    expect(styled("red", "x", { isTTY: true })).toBe("x");
  });

  it("is for no dumb terminal", () => {
    vi.stubEnv("TERM", "dumb");
    expect(styled("red", "x", { isTTY: true })).toBe("x");
  });
});

it("a name from another machine cannot steer the terminal", () => {
  expect(plain("a\u001b[2Jb\nc\u009b")).toBe("a [2Jb c ");
});

it("columns are as wide as their widest cell", () => {
  expect(
    columns(
      [
        ["a", "1"],
        ["bcd", "22"],
      ],
      ["left", "right"],
    ),
  ).toEqual(["a     1", "bcd  22"]);
});

it.each([
  [0, "0 ms"],
  [999.4, "999 ms"],
  [1000, "1.0 s"],
  [59_940, "59.9 s"],
  [59_960, "1 min 0 s"],
  [65_000, "1 min 5 s"],
  [3_599_900, "1 h 0 min"],
  [7_800_000, "2 h 10 min"],
])("%d ms are written %s", (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});

it("what was meant is what is near, and nothing that is not", () => {
  const words = ["spawn", "tree", "status"];
  expect(similar("sapwn", words)).toBe("spawn");
  expect(similar("STATUS", words)).toBe("status");
  expect(similar("three", words)).toBe("tree");
  expect(similar("xyzzy", words)).toBeUndefined();
  expect(similar("x", [])).toBeUndefined();
});
