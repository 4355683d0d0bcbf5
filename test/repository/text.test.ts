import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { textProblems } from "../../scripts/check-repository.mjs";
import { pinnedPnpm, root } from "../../scripts/pnpm.mjs";

const https = "https:";

describe("the lock file", () => {
  it("names no download address", () => {
    expect(textProblems("pnpm-lock.yaml", readFileSync(join(root, "pnpm-lock.yaml"), "utf8"))).toEqual([]);
  });

  it.each([`resolution: {integrity: sha512-x, tarball: a.tgz}`, `url: ${https}//example.org/a.tgz`])(
    "would be refused with %s",
    (line) => {
      expect(textProblems("pnpm-lock.yaml", `lockfileVersion: '9.0'\n${line}\n`)).toEqual([
        "pnpm-lock.yaml:2: names a download address; the versions and hashes are enough",
      ]);
    },
  );
});

describe("the files", () => {
  it.each([
    ["a path of this machine", join(root, "packages"), "names a path of this machine"],
    ["a home folder", ["", "home", "someone", "x"].join("/"), "names somebody's home folder"],
    ["a registry", ["registry", "example", "org"].join("."), "names a registry; which one is the user's choice"],
  ])("may not hold %s", (_what, text, problem) => {
    expect(textProblems("docs/a.md", `fine\n${text}\n`)).toEqual([`docs/a.md:2: ${problem}`]);
  });

  it.each([`readFileSync("/proc/meminfo")`, "process.getuid()", `spawn("sh", ["-c", text])`])(
    "of a package do not rely on Unix: %s",
    (line) => {
      const problem = "is there on Unix only, and does not ask for process.platform";
      expect(textProblems("packages/pydist/src/a.ts", `${line};\n`)).toEqual([
        `packages/pydist/src/a.ts:1: ${problem}`,
      ]);
      expect(textProblems("packages/pydist/src/a.ts", `if (process.platform === "linux") ${line};\n`)).toEqual([]);
    },
  );

  it("of a package are short and finished", () => {
    const open = ["TO", "DO"].join("");
    expect(textProblems("packages/pydist/src/a.ts", `// ${open} later`)).toEqual([
      "packages/pydist/src/a.ts:1: leaves something open",
    ]);
    expect(textProblems("packages/pydist/src/a.ts", "\n".repeat(400))).toEqual([
      expect.stringContaining("401 lines, at most 350"),
    ]);
  });

  it("of a test run all of it", () => {
    const line = ["it", "only", '("x", () => {});'].join(".").replace(".(", "(");
    expect(textProblems("test/a.test.ts", line)).toEqual(["test/a.test.ts:1: is focused, skipped or empty"]);
  });
});

describe("the package manager", () => {
  it("is pinned to one version", () => {
    expect(pinnedPnpm()).toMatch(/^pnpm@\d+\.\d+\.\d+$/);
  });
});
