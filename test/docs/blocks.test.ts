import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/pnpm.mjs";
import { type Block, blocksOf, documents, read } from "./markdown.js";
import { Sandbox } from "./sandbox.js";

/** Not run: pictures, output and file contents. */
const ILLUSTRATIONS = new Set(["mermaid", "text", "json"]);

/** Pages that have a test of their own. */
const TESTED_ELSEWHERE = new Map([["docs/cli.md", "test/cli/docs.test.ts"]]);

/** Commands that cannot run here, and why; of each npm script it is at least checked that it exists. */
const NOT_RUN: readonly (readonly [command: RegExp, reason: string])[] = [
  [/^npm install pydist pydist-node$/, "needs the registry; the sandbox holds what it would install"],
  [/^npm install \S+\/artifacts\/\*\.tgz$/, "needs the registry; `npm run clean-clone` installs the tarballs"],
  [
    /^(?:\w+=\S+ )?npm (?:start|test|run \S+)(?: |$)/,
    "is the work of CI and of `npm run clean-clone`, and takes minutes",
  ],
  [/^(?:scp|ssh) /, "needs a second machine"],
];

/** A document's shell lines: comments and continuations resolved, one command each. */
function commandsOf(code: string): string[] {
  return code
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .map((line) => line.replace(/(?:^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
}

/** What a program prints according to its `// prints ...` comments or to the block behind it. */
function shownBy({ code, shown }: Block): string {
  if (shown !== undefined) return shown;
  return [...code.matchAll(/\/\/ prints (.*)$/gm)].map(([, text]) => text).join("\n");
}

/** `…` stands for whatever differs from run to run; how wide columns are differs with it. */
function expectShown(output: string, shown: string): void {
  const [got, wanted] = [output, shown].map((text) => text.trimEnd()) as [string, string];
  if (!wanted.includes("…")) return expect(got).toBe(wanted);
  const parts = wanted.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  expect(got).toMatch(new RegExp(`^${parts.join(".+?").replace(/ +/g, " +")}$`));
}

const NAME = /^\/\/ ([\w-]+\.m[jt]s)\n/;
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object }).scripts,
);

const runnable = documents()
  .filter((path) => !TESTED_ELSEWHERE.has(path))
  .map((path) => ({ path, blocks: blocksOf(read(path)).filter(({ language }) => !ILLUSTRATIONS.has(language)) }))
  .filter(({ blocks }) => blocks.length > 0);

describe.each(runnable)("$path", ({ blocks }) => {
  let sandbox: Sandbox;

  // One folder and one home for a document: what it shows builds on what it showed before.
  beforeAll(async () => {
    sandbox = await Sandbox.open();
    for (const { language, code } of blocks) {
      const name = language === "js" ? NAME.exec(code)?.[1] : undefined;
      if (name !== undefined) sandbox.write(name, code);
    }
  });
  afterAll(() => sandbox.close(), 15_000);

  async function runProgram(name: string, shown: string): Promise<void> {
    const ended = await sandbox.run(process.execPath, [name]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expectShown(ended.stdout, sandbox.here(shown));
  }

  async function runJavaScript(block: Block): Promise<void> {
    const name = NAME.exec(block.code)?.[1] ?? `line-${block.line}.mjs`;
    sandbox.write(name, block.code);
    await runProgram(name, shownBy(block));
  }

  async function runTypeScript(block: Block): Promise<void> {
    const name = `line-${block.line}`;
    sandbox.write(`${name}.mts`, block.code);
    const options = ["--strict", "--target", "ES2022", "--module", "NodeNext", "--lib", "ES2023,ESNext.Disposable"];
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const compiled = await sandbox.run(process.execPath, [tsc, ...options, "--types", "node", `${name}.mts`]);
    expect(compiled).toEqual({ code: 0, stdout: "", stderr: "" });
    await runProgram(`${name}.mjs`, shownBy(block));
  }

  async function runShell(block: Block): Promise<void> {
    let output = "";
    for (const command of commandsOf(block.code)) {
      const exempt = NOT_RUN.find(([pattern]) => pattern.test(command));
      if (exempt !== undefined) {
        const script = /\bnpm (?:run )?([\w-]+)/.exec(command)?.[1];
        if (/\bnpm (?:start|test|run)\b/.test(command)) expect(scripts).toContain(script);
      } else if (/\bpydist-node spawn\b/.test(command)) {
        output += await sandbox.open(sandbox.here(command));
      } else {
        const ended = await sandbox.run("bash", ["-c", sandbox.here(command)]);
        expect(ended, command).toMatchObject({ code: 0 });
        output += ended.stdout;
      }
    }
    if (block.shown !== undefined) expectShown(output, sandbox.here(block.shown));
  }

  it.each(blocks)("line $line: $language", async (block) => {
    switch (block.language) {
      case "js":
        return runJavaScript(block);
      case "ts":
        return runTypeScript(block);
      case "sh":
        return runShell(block);
      default:
        throw new Error(`A block in the language "${block.language}" is neither run nor listed as an illustration.`);
    }
  });
});

it("every exemption is needed", () => {
  const shell = runnable.flatMap(({ blocks }) => blocks).filter(({ language }) => language === "sh");
  const commands = shell.flatMap(({ code }) => commandsOf(code));
  expect(NOT_RUN.filter(([pattern]) => !commands.some((command) => pattern.test(command)))).toEqual([]);
  for (const [page, test] of TESTED_ELSEWHERE) expect(read(test)).toContain(page);
});
