import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/ports.js";
import { fileHome, makeHome, type NodeProcess, spawnNode } from "../support/processes.js";

const main = join(dirname(createRequire(import.meta.url).resolve("pydist-node/package.json")), "dist/cli/main.js");

let node: NodeProcess;
beforeAll(async () => {
  node = await spawnNode({ name: "only", until: "file" });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Types into a process: all at once, or an answer to each thing that it has written. */
function typeInto(
  command: readonly string[],
  typed: string | readonly (readonly [RegExp, string])[],
  env = {},
): Promise<Ended> {
  const [file, ...args] = command as [string, ...string[]];
  const child = spawn(file, args, { env: { ...fileHome().env, NO_COLOR: "1", ...env }, cwd: fileHome().folder });
  let [stdout, stderr, read] = ["", "", 0];
  const left = typeof typed === "string" ? [] : [...typed];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    for (let next = left[0]; next?.[0].test(stdout.slice(read)); next = left[0]) {
      read = stdout.length;
      left.shift();
      child.stdin.write(next[1]);
    }
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  if (typeof typed === "string") child.stdin.end(typed);
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}

function repl(lines: readonly string[], address = node.address): Promise<Ended> {
  return typeInto([process.execPath, main, "repl", address], `${lines.join("\n")}\n`);
}

describe("lines through a pipe", () => {
  it("define functions and submit them, each line when the one before is done", async () => {
    const { code, stdout, stderr } = await repl([
      "const factor = 3",
      "function triple(x) { return x * factor }",
      "await submit(triple, [2])",
      "await map((x) => triple(x) + 1, [1, 1, 2])",
      "const k = await executor.submit(triple, [5])",
      "await submit(() => k + 1)",
      "class Money { constructor(cents) { this.cents = cents } twice() { return this.cents * 2 } }",
      "await submit((x) => new Money(x).twice(), [4])",
      "offset = 7",
      "var more = () => offset + 1",
      "await submit(more)",
      "function fact(n) { return n < 2 ? 1 : n * fact(n - 1) }",
      "await submit(fact, [5])",
      'const { createHash } = await import("node:crypto")',
      'await submit((t) => createHash("sha256").update(t).digest("hex").slice(0, 8) + os.EOL.length, ["a"])',
      "(await nodes()).map(({ name }) => name)",
      "(await stats()).nodes.map(({ completed }) => completed)",
      'await submit(environment({ source: "export const half = (x) => x / 2" })("half"), [84])',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [head, only, ...answers] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^NAME +ADDRESS/);
    expect(only).toContain(node.address);
    const shown = "6 | [ 4, 4, 7 ] | 16 | 8 | 7 | 8 | 120 | 'ca9781121' | [ 'only' ] | [ 10 ] | 42";
    expect(answers.join(" | ")).toBe(shown);
  });

  it("share the variables that one of their functions changes, and keep what tasks do to them", async () => {
    const { stdout } = await repl([
      "let count = 0",
      "calls = 0",
      "const inc = () => (++count, ++calls)",
      "await submit(() => { inc(); inc(); return [count, calls] })",
      "[count, calls]",
    ]);
    expect(stdout.trimEnd().split("\n").slice(-2)).toEqual(["[ 2, 2 ]", "[ 0, 0 ]"]);
  });

  it("go on after errors, which are told in one sentence if they are ours", async () => {
    const { code, stdout } = await repl([
      'await submit((x) => { throw new RangeError("far " + x) }, [4])',
      "await submit(() => executor)",
      "throw new Error('mine')",
      "await submit(() => 7)",
      "await tree()",
      ".exit",
      "'never'",
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Uncaught RangeError: far 4$/m);
    expect(stdout).toMatch(
      /^ShippingError: .*the function > executor is an executor, .* Use task\.context\(\)\.executor.*\n.*Uncaught Error: mine/m,
    );
    expect(stdout).toMatch(/^7\nNAME .*\nonly .*\n$/m);
    expect(stdout).not.toContain("never");
  });

  it("leave nothing running behind them", async () => {
    const { code } = await repl([
      "const endless = submit(() => { for (;;); })",
      "await submit(() => 1, [], { hopLimit: 0 }).cancel()",
    ]);
    expect(code).toBe(0);
    const { stdout } = await repl(["await submit(() => 'free again')"]);
    expect(stdout).toContain("'free again'");
  });
});

it("a cluster that is not there is exit code 3", async () => {
  const port = await freePort();
  const { code, stderr } = await typeInto(
    [process.execPath, main, "repl", `127.0.0.1:${port}`, "--connect-timeout", "300"],
    "1\n",
  );
  expect(code).toBe(3);
  expect(stderr).toMatch(/^pydist-node: .*127\.0\.0\.1.*\n$/);
});

const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") === true;

it("at a terminal there is a prompt, a history, Ctrl-C for what takes too long, and Ctrl-D for the end", async (context) => {
  if (!hasScript) context.skip("it needs the command script of util-linux, for a terminal");
  const history = join(makeHome().folder, "history");
  // Without exec a shell would stand in the terminal too, and Ctrl-C end it.
  const command = `exec "${process.execPath}" "${main}" repl ${node.address}`;
  const typed = [
    [/pydist> /, "const twice = (x) => x * 2\r"],
    [/pydist> /, "await submit(twice, [21])\r"],
    [/42[\s\S]*pydist> /, 'await submit(() => new Promise(() => console.log("be" + "gun")))\r'],
    // Only then is it certain that the prompt waits: before, Node may lose a Ctrl-C.
    [/begun/, "\x03"],
    [/pydist> /, "\x04"],
  ] as const;
  const { code, stdout } = await typeInto(["script", "-qec", command, "/dev/null"], typed, {
    TERM: "xterm",
    PYDIST_REPL_HISTORY: history,
  });
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("Ctrl-D ends it") });
  expect(stdout).toContain("interrupted");
  expect(existsSync(history)).toBe(true);
  expect(readFileSync(history, "utf8")).toContain("await submit(twice, [21])");
});
