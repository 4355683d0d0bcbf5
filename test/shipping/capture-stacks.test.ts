import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { relocate, ship } from "@pydist/shipping";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AnyFunction } from "./capturing.js";
import { Elsewhere, type Parcel, pack } from "./elsewhere.js";
import { importNatively } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "pydist-capture-stacks-"));
const throwing = new URL("./fixtures/capture/throws.mjs", import.meta.url);
const thread = new URL("./fixtures/capture/in-thread.mjs", import.meta.url);

let elsewhere: Elsewhere;
beforeAll(async () => {
  elsewhere = await Elsewhere.start();
});
afterAll(async () => {
  await elsewhere.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** `url:line:column` of what follows a mark. */
function place(url: URL, text: string, mark: string): string {
  const before = text.slice(0, text.indexOf(mark) + mark.length).split("\n");
  return `${url.pathname.endsWith(".ts") ? fileURLToPath(url) : url.href}:${before.length}:${(before.at(-1) as string).length + 1}`;
}

async function framesOf(fn: AnyFunction, ...args: unknown[]): Promise<string[]> {
  const { error } = await elsewhere.run(pack(ship(fn), args));
  if (error === undefined) throw new Error("nothing was thrown");
  relocate(error);
  return String(error.stack)
    .split("\n")
    .filter((line) => /^ {4}at /.test(line));
}

describe("what a captured function throws elsewhere names the user's file, line and column", () => {
  const text = readFileSync(throwing, "utf8");

  test("nastiest 20: in a function that it calls, and in itself", async () => {
    const { viaHelper } = await importNatively<Record<string, AnyFunction>>(throwing);
    const [first, second] = await framesOf(viaHelper as AnyFunction, 9);
    expect(first).toContain(place(throwing, text, "/*check*/"));
    expect(second).toContain(place(throwing, text, "/*arrow*/"));
  });

  test("nastiest 20: in a method of a captured class", async () => {
    const { viaClass } = await importNatively<Record<string, AnyFunction>>(throwing);
    const frames = await framesOf(viaClass as AnyFunction, 9);
    expect(frames[0]).toContain(place(throwing, text, "/*check*/"));
    expect(frames[1]).toMatch(/Gate\.open/);
    expect(frames[1]).toContain(place(throwing, text, "/*gate*/"));
    expect(frames[2]).toContain(place(throwing, text, "/*task*/"));
  });

  test("nastiest 20: through a source map of TypeScript", async () => {
    const source = `interface Limits {
  readonly most: number;
}
const limits: Limits = { most: 3 };
const check = (x: number): number => {
  type Value = number;
  const value: Value = x;
  if (value > limits.most) throw /*check*/new RangeError("over");
  return value;
};
export const score = (x: number): number => /*score*/check(x);
`;
    const file = join(folder, "score.ts");
    writeFileSync(file, source);
    const { outputText } = ts.transpileModule(source, {
      fileName: file,
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, inlineSourceMap: true },
    });
    writeFileSync(join(folder, "score.mjs"), outputText);
    const { score } = await importNatively<Record<string, AnyFunction>>(pathToFileURL(join(folder, "score.mjs")));
    const [first, second] = await framesOf(score as AnyFunction, 9);
    expect(first).toContain(place(pathToFileURL(file), source, "/*check*/"));
    expect(second).toContain(place(pathToFileURL(file), source, "/*score*/"));
  });
});

describe("capture works wherever the sender runs", () => {
  const expected = [[10, 20], true];

  test("nastiest 20: in a worker thread", async () => {
    const worker = new Worker(thread);
    const parcel = await new Promise<Parcel>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    expect((await elsewhere.run(parcel)).value).toEqual(expected);
  });

  test.each([
    ["a plain process", [], {}],
    ["with --inspect", ["--inspect=127.0.0.1:0"], {}],
    ["while V8 counts coverage", [], { NODE_V8_COVERAGE: folder }],
    ["with source maps on", ["--enable-source-maps"], {}],
    ["where code from strings is forbidden", ["--disallow-code-generation-from-strings"], {}],
  ])("nastiest 20: in a process, %s", async (_title, execArgv, env) => {
    const child = fork(fileURLToPath(thread), {
      execArgv,
      env: { PATH: process.env.PATH, ...env },
      serialization: "advanced",
      silent: true,
    });
    let output = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const parcel = await new Promise<Parcel>((resolve, reject) => {
      child.once("message", (message) => resolve(message as Parcel));
      child.once("exit", (code) => reject(new Error(`it ended with ${code}: ${output}`)));
    });
    expect((await elsewhere.run(parcel)).value).toEqual(expected);
  });
});
