import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as protocol from "@pydist/protocol";
import { ERROR_CODES, PydistError } from "@pydist/protocol";
import * as pydist from "pydist";
import * as pydistNode from "pydist-node";
import { afterAll, describe, expect, it } from "vitest";
import { packages } from "../../scripts/packages.mjs";
import { root } from "../../scripts/pnpm.mjs";
import { read } from "./markdown.js";

const RULE = /^\|[\s:|-]+$/;

/** The cells of every row of the tables in a document, headings left out, without the backticks. */
function rowsOf(text: string): string[][] {
  return text
    .split("\n")
    .filter((line, i, lines) => line.startsWith("|") && !RULE.test(line) && !RULE.test(lines[i + 1] ?? ""))
    .map((line) =>
      line
        .replaceAll("\\|", "/")
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim().replace(/^`([^`]*)`$/, "$1")),
    );
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function manifest(...path: string[]): Manifest {
  return JSON.parse(readFileSync(join(root, ...path, "package.json"), "utf8")) as Manifest;
}

function foreign(dependencies: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(dependencies)
    .filter(([, range]) => !range.startsWith("workspace:"))
    .map(([name, range]) => `${name} ${range}`);
}

describe("docs/dependencies.md", () => {
  const rows = rowsOf(read("docs/dependencies.md"));

  it("names every runtime dependency of every published package, with its range, and no other", () => {
    const runtime = packages.flatMap(({ name, manifest }) =>
      foreign({ ...manifest.dependencies, ...manifest.optionalDependencies }).map(
        (dependency) => `${name} ${dependency}`,
      ),
    );
    const listed = rows.filter(([first]) => packages.some(({ name }) => name === first));
    expect(listed.map((cells) => cells.slice(0, 3).join(" ")).sort()).toEqual(runtime.sort());
    for (const cells of listed) for (const cell of cells) expect(cell, cells.join(" | ")).not.toBe("");
  });

  it("names every development dependency, with its range, and no other", () => {
    const folders = [[], ["test"], ["examples"], ["bench"], ...packages.map(({ folder }) => ["packages", folder])];
    const development = new Set<string>();
    for (const folder of folders) {
      const { dependencies, devDependencies } = manifest(...folder);
      for (const each of foreign(devDependencies)) development.add(each);
      if (folder[0] !== "packages") for (const each of foreign(dependencies)) development.add(each);
    }
    const listed = rows.filter(([first]) => !packages.some(({ name }) => name === first));
    expect(listed.map(([name, range]) => `${name} ${range}`).sort()).toEqual([...development].sort());
    for (const cells of listed) for (const cell of cells) expect(cell, cells.join(" | ")).not.toBe("");
  });
});

describe("docs/errors.md", () => {
  const rows = rowsOf(read("docs/errors.md"));
  const classes = Object.values(protocol).filter(
    (value): value is typeof PydistError =>
      typeof value === "function" && (value === PydistError || value.prototype instanceof PydistError),
  );

  it("has a row for each code and no other, with when and what to do", () => {
    const listed = rows.filter(([, code = ""]) => code.startsWith("PYDIST_E_"));
    expect(listed.map(([, code]) => code).sort()).toEqual(Object.keys(ERROR_CODES).sort());
    for (const cells of listed) for (const cell of cells) expect(cell, cells.join(" | ")).not.toBe("");
  });

  it("names the class of each code", () => {
    const named = new Map(rows.map(([name, code]) => [code, name]));
    for (const each of classes) {
      const code: unknown = Reflect.get(each.prototype, Symbol.for("pydist.error.code"));
      expect(named.get(String(code))).toBe(each.prototype.name);
    }
    expect(classes.length).toBe(Object.keys(ERROR_CODES).length);
  });
});

describe("docs/api.md", () => {
  const text = read("docs/api.md");

  it.each([
    ["pydist", pydist],
    ["pydist-node", pydistNode],
  ])("names every export of %s", (_name, exports) => {
    expect(Object.keys(exports).filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });

  it.each([
    ["ClusterExecutor", pydist.ClusterExecutor],
    ["Future", pydist.Future],
    ["MapResult", pydist.MapResult],
    ["ClusterNode", pydistNode.ClusterNode],
  ])("names every public member of %s", (_name, { prototype }) => {
    const internal = new Set([
      "constructor",
      "checkOpen",
      "finish",
      "abandon",
      "heard",
      "markRunning",
      "markPending",
      "raised",
      "look",
      "find",
      "adopt",
      "removeDoneCallback",
    ]);
    const members = Object.getOwnPropertyNames(prototype).filter((name) => !internal.has(name));
    expect(members.filter((name) => !new RegExp(`[\`.]${name}\\b`).test(text))).toEqual([]);
  });

  const executor = new pydist.ClusterExecutor({ maxWorkers: 1 });
  afterAll(() => executor.shutdown());

  it.each([
    ["ClusterExecutor", (option: object) => new pydist.ClusterExecutor(option)],
    ["submit", (option: object) => executor.submit(() => 1, [], option)],
    ["map", (option: object) => executor.map((n: number) => n, [1], option)],
  ])("names every option of %s", (_name, call) => {
    // The refusal of an unknown option lists those that there are.
    const refusal = refusalOf(() => call({ noSuchOption: 1 }));
    const options = (/; it has (.*)\.$/.exec(refusal)?.[1] ?? "").split(", ");
    expect(options.length).toBeGreaterThan(3);
    expect(options.filter((option) => !text.includes(`\`${option}\``))).toEqual([]);
  });
});

function refusalOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("It was not refused.");
}

describe("docs/architecture.md", () => {
  const text = read("docs/architecture.md");

  it("has a row for each of the invariants", () => {
    const numbers = rowsOf(text)
      .map(([first = ""]) => first)
      .filter((first) => /^I\d$/.test(first));
    expect(numbers).toEqual(["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9"]);
  });

  /** The files above protocol whose text has this in it. */
  function filesWith(pattern: RegExp): string[] {
    return packages
      .filter(({ folder }) => folder !== "protocol")
      .flatMap(({ path, folder }) =>
        readdirSync(join(path, "src"), { recursive: true, encoding: "utf8" })
          .filter((file) => file.endsWith(".ts"))
          .filter((file) => pattern.test(readFileSync(join(path, "src", file), "utf8")))
          .map((file) => `${folder}/src/${file.replaceAll("\\", "/")}`),
      )
      .sort();
  }

  it("is right about I5: only the submitter and the worker decode bodies", () => {
    expect(filesWith(/\bdecode(?:Bodies|Value|Failure)\b/)).toEqual([
      "futures/src/decoding.ts",
      // The rest runs in the worker.
      "pydist-node/src/pool/call.ts",
      "pydist-node/src/pool/channel.ts",
      "pydist-node/src/pool/runner.ts",
      "shipping/src/rebuild/functions-program.ts",
      "shipping/src/rebuild/program.ts",
    ]);
    // ... which alone makes functions of what was captured.
    expect(filesWith(/\bprogram\.bind\(/)).toEqual([
      "pydist-node/src/pool/initializers.ts",
      "pydist-node/src/pool/runner.ts",
    ]);
  });
});

describe("docs/decisions", () => {
  it("are numbered without gaps, and each has its context, decision and consequences", () => {
    const files = readdirSync(join(root, "docs", "decisions"))
      .filter((file) => /^\d/.test(file))
      .sort();
    expect(files.map((file) => Number(file.slice(0, 4)))).toEqual(files.map((_file, index) => index + 1));
    for (const file of files) {
      const headings = read(`docs/decisions/${file}`).match(/^##? .*$/gm) ?? [];
      expect(headings, file).toEqual([
        expect.stringMatching(/^# \d{1,4}\. /),
        "## Context",
        "## Decision",
        "## Consequences",
      ]);
    }
  });
});
