import { spawn } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { difference } from "../protocol/values-same.js";
import type { Elsewhere, Parcel } from "./elsewhere.js";

/** What the program in `fixtures/loaders` writes for each function that it ships. */
export interface Line {
  readonly title: string;
  /** The function's text, as the loader made it. */
  readonly source: string;
  readonly error?: string;
  readonly name: string;
  readonly here: unknown;
  readonly hash: string;
  readonly text: string;
  readonly captured?: Omit<NonNullable<Parcel["captured"]>, "bytes"> & { readonly bytes: string };
  readonly args: { readonly kind: Parcel["args"]["kind"]; readonly bytes: string };
}

const program = join(import.meta.dirname, "fixtures", "loaders");
const sources = ["main.ts", "lib.ts"] as const;

/** A folder for programs, with the packages that the tests have. */
export class Workshop {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "pydist-loaders-")));

  constructor() {
    symlinkSync(join(import.meta.dirname, "..", "node_modules"), join(this.folder, "node_modules"), "junction");
  }

  /** A folder in it, whose modules are of a kind. */
  room(name: string, type: "module" | "commonjs", files: Readonly<Record<string, string>> = {}): string {
    const room = join(this.folder, name);
    mkdirSync(room);
    writeFileSync(join(room, "package.json"), JSON.stringify({ type }));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(room, file), text);
    return room;
  }

  /** A folder with the program's TypeScript. */
  copied(name: string, type: "module" | "commonjs", files: Readonly<Record<string, string>> = {}): string {
    const room = this.room(name, type, files);
    for (const file of sources) copyFileSync(join(program, file), join(room, file));
    return room;
  }

  /** A folder with what tsc makes of it. */
  compiled(name: string, type: "module" | "commonjs", target: ts.ScriptTarget): string {
    const room = this.room(name, type);
    for (const file of sources) {
      const { outputText } = ts.transpileModule(readFileSync(join(program, file), "utf8"), {
        fileName: file,
        compilerOptions: {
          target,
          module: type === "module" ? ts.ModuleKind.ES2022 : ts.ModuleKind.CommonJS,
          esModuleInterop: true,
          rewriteRelativeImportExtensions: true,
        },
      });
      writeFileSync(join(room, file.replace(".ts", ".js")), outputText);
    }
    return room;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs Node in a folder, and returns the lines that the program there wrote. */
export async function linesOf(room: string, ...args: readonly string[]): Promise<Line[]> {
  const file = join(room, "lines.jsonl");
  await runNode(room, args, { PYDIST_TEST_LINES: file });
  return linesIn(file);
}

/** Runs Node in a folder to its end, with nothing of this process's environment that could change what it does. */
export async function runNode(room: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, args, {
    cwd: room,
    env: { PATH, HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`the program ended with ${code}\n${output}`);
}

export function linesIn(file: string): Line[] {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Line);
}

/** Runs what was shipped, and tells for each function that does not do there what it did here. */
export async function problemsOf(elsewhere: Elsewhere, lines: readonly Line[]): Promise<string[]> {
  const problems: string[] = [];
  for (const line of lines) {
    const problem = line.error ?? (await problemOf(elsewhere, line));
    if (problem !== undefined) problems.push(`${line.title}: ${problem.split("\n").slice(0, 3).join("\n")}`);
  }
  return problems;
}

async function problemOf(elsewhere: Elsewhere, line: Line): Promise<string | undefined> {
  const { hash, text, captured, args, here, name } = line;
  const there = await elsewhere.run({
    hash,
    text,
    ...(captured === undefined ? {} : { captured: { ...captured, bytes: Buffer.from(captured.bytes, "base64") } }),
    args: { kind: args.kind, bytes: Buffer.from(args.bytes, "base64") },
  });
  if (there.error !== undefined) return String(there.error.stack);
  const different = difference(here, JSON.parse(JSON.stringify(there.value)));
  if (different !== undefined) return different;
  return there.name === name ? undefined : `the name ${name} became ${there.name}`;
}
