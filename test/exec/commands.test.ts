import { beforeAll, describe, expect, it } from "vitest";
import { folderOf } from "../support/folders.js";
import { Gate } from "../support/gate.js";
import { CliProcess, runCli, spawnNode } from "../support/processes.js";
import { fourNodes, STANDING, type Willing } from "./support.js";

let tree: Willing;
beforeAll(async () => {
  tree = await fourNodes({ until: "file" });
});

const sorted = (text: string): string[] => text.trimEnd().split("\n").sort();
const SUMMARY = /^4 nodes, (none|\d) failed\. Total time \d.*\.$/;

describe("pydist-node run", () => {
  it("prints what the program writes on every node, labelled line by line, and the total time", async () => {
    const files = folderOf({ "data.txt": "shipped" });
    const program = ["sh", "-c", "cat data.txt; printf '\\nfirst\\nsec'; sleep 0; echo ond; echo wrong >&2"];
    const { code, stdout, stderr } = await runCli(["run", "--all", "--files", files, tree.address, "--", ...program]);
    const of = (text: string): string[] => ["a", "b", "c", "d"].map((name) => `[${name}] ${text}`);
    expect(sorted(stdout)).toEqual([...of("shipped"), ...of("first"), ...of("second")].sort());
    const said = sorted(stderr);
    expect(said.filter((line) => line.startsWith("["))).toEqual(of("wrong"));
    expect(said.filter((line) => !line.startsWith("["))).toEqual([expect.stringMatching(SUMMARY)]);
    expect(code).toBe(0);
    await tree.place.empty();
  });

  it("ends with the exit code of the first program that failed, and says which did", async () => {
    const args = [
      "run",
      "--node",
      "b",
      "--node",
      "d",
      tree.address,
      "--",
      "sh",
      "-c",
      "exit $((PYDIST_RUN_INDEX * 7))",
    ];
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 7, stdout: "" });
    expect(stderr).toMatch(/^\[d\] exit code 7\n2 nodes, 1 failed\. Total time .*\.\n$/);
  });

  it("gives a line that is quoted as a whole to the shell, and one word alone to nobody", async () => {
    const quoted = await runCli(["run", "--node", "c", tree.address, "--", "echo one && echo $PYDIST_RUN_COUNT"]);
    expect({ code: quoted.code, lines: sorted(quoted.stdout) }).toEqual({ code: 0, lines: ["[c] 1", "[c] one"] });
    const word = await runCli(["run", "--node", "c", tree.address, "--", "$HOME"]);
    expect(word).toMatchObject({ code: 127, stderr: expect.stringContaining("$HOME could not be run") });
  });

  it("prints JSON with --json", async () => {
    const args = ["run", "--node", "c", "--json", tree.address, "--", "echo", "one"];
    const { code, stdout } = await runCli(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      ok: true,
      totalMs: expect.any(Number),
      nodes: [
        {
          ...{ node: tree.node("c").id, name: "c", code: 0, signal: null, stdout: "one\n", stderr: "", cut: false },
          ...{ startedAt: expect.any(Number), durationMs: expect.any(Number), error: null },
        },
      ],
    });
  });

  it("ends the programs everywhere when it is interrupted", async () => {
    const gate = await Gate.make();
    const files = folderOf(STANDING);
    const program = ["node", "parent.mjs", `${gate.port}`, "program"];
    const cli = new CliProcess(["run", "--all", "--files", files, tree.address, "--", ...program], {});
    await gate.entered(8);
    expect(await cli.stop("SIGINT")).toEqual({ code: 130, signal: null });
    expect(cli.stderr).toBe("pydist-node: SIGINT: ending the programs.\n");
    await gate.left();
    await tree.place.empty();
  });

  it("is refused by nodes that do not allow it", async () => {
    const node = await spawnNode({ name: "unwilling" });
    const { code, stdout, stderr } = await runCli(["run", "--all", node.address, "--", "true"]);
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "pydist-node: The program was run nowhere, since unwilling does not allow it. " +
        "Start that node with --allow-exec, or name only nodes that do.\n",
    });
  });

  it.each([
    [
      "nowhere to run",
      ["run", "--", "ls"],
      "Where should it run? Give either --all, or --node NAME once or several times.",
    ],
    [
      "everywhere and somewhere",
      ["run", "--all", "--node", "a", "--", "ls"],
      "Where should it run? Give either --all, or --node NAME once or several times.",
    ],
    [
      "nothing to run",
      ["run", "--all"],
      "What should be run stands behind --, as in pydist-node run --all -- uname -a",
    ],
    ["no script", ["submit"], "Missing required argument 'SCRIPT'. See pydist-node submit --help."],
  ])("says what is wrong: %s", async (_what, args, sentence) => {
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`pydist-node: ${sentence}`);
  });

  it("says which node or file is not there", async () => {
    const unknown = await runCli(["run", "--node", "e", tree.address, "--", "ls"]);
    expect(unknown).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^pydist-node: no node that has workers and takes tasks is called "e"\. There are a, /,
      ),
    });
    const missing = await runCli(["run", "--all", "--files", "nothing-here", tree.address, "--", "ls"]);
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("nothing-here") });
  });
});

describe("pydist-node submit", () => {
  it("runs a script somewhere, with its arguments; streams and exit code are the script's", async () => {
    const folder = folderOf({
      "data/data.txt": "beside it",
      "script.mjs": `
        import { readFileSync } from "node:fs";
        console.log(process.argv.slice(2).join(","), readFileSync("data.txt", "utf8"));
        console.error("warned");
        process.exitCode = 5;`,
    });
    const args = ["submit", "--files", "data", "script.mjs", tree.address, "--", "--flag", "x y"];
    const { code, stdout, stderr } = await runCli(args, { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 5, stdout: "--flag,x y beside it\n" });
    expect(stderr).toMatch(/^warned\nexit code 5\n1 node, 1 failed\. Total time .*\.\n$/);
  });
});
