import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "vitest";
import { root } from "../../scripts/pnpm.mjs";
import type { Block } from "./markdown.js";
import type { Sandbox } from "./sandbox.js";

/** A first line that gives a program's file its name. */
export const NAME = /^\/\/ ([\w-]+\.m[jt]s)\n/;

/** Python's own tests of what is shown beside ours need what 3.11 has. */
const OLDEST_PYTHON = "3.11";

/** What a program prints according to its `// prints ...` comments or to the block behind it. */
export function shownBy({ code, shown }: Block): string {
  if (shown !== undefined) return shown;
  return [...code.matchAll(/(?:\/\/|#) prints (.*)$/gm)].map(([, text]) => text).join("\n");
}

/** `…` stands for whatever differs from run to run; how wide columns are differs with it. */
export function expectShown(output: string, shown: string): void {
  const [got, wanted] = [output, shown].map((text) => text.trimEnd()) as [string, string];
  if (!wanted.includes("…")) return expect(got).toBe(wanted);
  const parts = wanted.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  expect(got).toMatch(new RegExp(`^${parts.join(".+?").replace(/ +/g, " +")}$`));
}

/** Why blocks of this language cannot run on this machine; undefined if they can. */
export function missingFor(language: string): string | undefined {
  if (language !== "py") return undefined;
  const found = spawnSync("python3", [
    "-c",
    `import sys; print(sys.version_info >= (${OLDEST_PYTHON.replace(".", ", ")}))`,
  ]);
  if (found.status === 0 && `${found.stdout}`.trim() === "True") return undefined;
  return `needs python3 of at least ${OLDEST_PYTHON}, which is not on this machine`;
}

/** Runs a block that is a whole program, and checks that it prints what the document says. @returns what it printed */
export async function runProgram(sandbox: Sandbox, block: Block): Promise<string> {
  const [command, file] = await prepare(sandbox, block);
  const ended = await sandbox.run(command, [file]);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expectShown(ended.stdout, sandbox.here(shownBy(block)));
  return ended.stdout;
}

/** Writes the program's file. @returns the command that runs it, and the file */
async function prepare(sandbox: Sandbox, block: Block): Promise<[command: string, file: string]> {
  const line = `line-${block.line}`;
  switch (block.language) {
    case "js": {
      const name = NAME.exec(block.code)?.[1] ?? `${line}.mjs`;
      sandbox.write(name, block.code);
      return [process.execPath, name];
    }
    case "ts": {
      sandbox.write(`${line}.mts`, block.code);
      const options = ["--strict", "--target", "ES2022", "--module", "NodeNext", "--lib", "ES2023,ESNext.Disposable"];
      const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
      const compiled = await sandbox.run(process.execPath, [tsc, ...options, "--types", "node", `${line}.mts`]);
      expect(compiled).toEqual({ code: 0, stdout: "", stderr: "" });
      return [process.execPath, `${line}.mjs`];
    }
    case "py":
      sandbox.write(`${line}.py`, block.code);
      return ["python3", `${line}.py`];
    default:
      throw new Error(`A block in the language "${block.language}" is neither run nor listed as an illustration.`);
  }
}
