import { chmodSync, symlinkSync, truncateSync } from "node:fs";
import { type ExecOptions, exec, type ProgramLine } from "@pydist/exec";
import { ClusterExecutor, ExecRefusedError, NodeLostError, TimeoutError } from "pydist";
import { beforeAll, describe, expect, it } from "vitest";
import { programWith } from "../../packages/exec/dist/on-node.js";
import { attach } from "../support/attach.js";
import { folderOf } from "../support/folders.js";
import { Gate } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { spawnNode } from "../support/processes.js";
import { fourNodes, STANDING, type Willing } from "./support.js";

let tree: Willing;
beforeAll(async () => {
  tree = await fourNodes({ until: "file" });
});

const standing = folderOf(STANDING);

describe("a program on four nodes", () => {
  it("has its files in its folder, which is gone afterwards, and its lines are told with the node's name", async () => {
    const executor = attach(tree.address);
    await executor.waitForNodes(4);
    const files = folderOf({
      "data.txt": "content",
      "deep/er/main.mjs": `
        import { readFileSync } from "node:fs";
        console.log(readFileSync("data.txt", "utf8"), readFileSync("more.txt", "utf8"));
        console.log(process.cwd() + ";" + process.env.PYDIST_RUN_COUNT);
        console.error("index", process.env.PYDIST_RUN_INDEX);
        process.stdout.write("no end");`,
    });
    const more = folderOf({ "more.txt": "more" });
    const lines: ProgramLine[] = [];
    const { nodes, ok, totalMs } = await exec(executor, ["node", "deep/er/main.mjs"], {
      files: [files, `${more}/more.txt`],
      onLine: (line) => void lines.push(line),
    });
    expect(nodes.map(({ name }) => name).sort()).toEqual(["a", "b", "c", "d"]);
    for (const [index, { node, name, stdout, ...end }] of nodes.entries()) {
      expect(end).toEqual({
        code: 0,
        signal: null,
        startedAt: expect.any(Number),
        durationMs: expect.any(Number),
        stderr: `index ${index}\n`,
        cut: false,
        error: undefined,
      });
      const [first, second = "", last] = stdout.split("\n");
      expect([first, last]).toEqual(["content more", "no end"]);
      expect(second).toMatch(/pydist-run-\w+;4$/);
      expect(second).toContain(tree.place.folder);
      const told = (stream: string) => lines.filter((line) => line.name === name && line.stream === stream);
      expect(told("stdout").map(({ text }) => text)).toEqual([first, second, "no end"]);
      expect(told("stderr").map(({ text }) => text)).toEqual([`index ${index}`]);
      expect(new Set(lines.filter((line) => line.name === name).map((line) => line.node))).toEqual(new Set([node]));
      expect(end.durationMs).toBeLessThan(totalMs);
    }
    expect(ok).toBe(true);
    await tree.place.empty();
  });

  it("has links and permissions of its files as they were", async () => {
    const files = folderOf({ "bin/greet.sh": "#!/bin/sh\necho greetings" });
    chmodSync(`${files}/bin/greet.sh`, 0o755);
    symlinkSync("bin/greet.sh", `${files}/greet`);
    const { nodes } = await exec(attach(tree.address), ["./greet"], { files, nodes: ["a"] });
    expect(nodes).toMatchObject([{ code: 0, stdout: "greetings\n" }]);
  });

  it("runs at the same time, and is ended with all that it started when the signal is aborted", async () => {
    const executor = attach(tree.address);
    await executor.waitForNodes(4);
    const gate = await Gate.make();
    const strays: string[] = [];
    executor.on("strayError", (_task, message) => strays.push(message));
    const controller = new AbortController();
    const ran = exec(executor, ["node", "parent.mjs", `${gate.port}`, "program"], {
      files: standing,
      signal: controller.signal,
    });
    await gate.entered(8);
    expect(gate.names.filter((name) => `${name}`.startsWith("grandchild")).sort()).toEqual(
      [0, 1, 2, 3].map((n) => `grandchild ${n}`),
    );
    controller.abort(new RangeError("that will do"));
    await expect(ran).rejects.toThrow("that will do");
    await gate.left();
    await tree.place.empty();
    expect(strays).toEqual([]);
  });

  it("leaves nothing running that it has started when it ends", async () => {
    const gate = await Gate.make();
    const executor = attach(tree.address);
    const first = `${process.execPath} stand.mjs ${gate.port} left > /dev/null 2>&1 &`;
    // It ends once the other one is there: the gate is told its name.
    const run = exec(executor, `${first} ${process.execPath} stand.mjs ${gate.port} main`, {
      files: standing,
      nodes: ["b"],
    });
    await gate.entered(2);
    const at = gate.names.findIndex((name) => `${name}`.startsWith("main"));
    if (at === 0) gate.pass(1);
    else gate.pass(2);
    expect((await run).ok).toBe(true);
    await gate.left();
  });

  it("is ended when it takes longer than its timeout", async () => {
    const gate = await Gate.make();
    const executor = attach(tree.address);
    const { nodes, ok } = await exec(executor, ["node", "stand.mjs", `${gate.port}`, "slow"], {
      files: standing,
      nodes: ["d"],
      timeout: 300,
    });
    expect(ok).toBe(false);
    expect(nodes).toMatchObject([{ name: "d", code: null, signal: null, error: expect.any(TimeoutError) }]);
    await gate.left();
    await tree.place.empty();
  });

  it("may fail on some: exit codes and signals are told, and so is what cannot be started", async () => {
    const executor = attach(tree.address);
    const shell = await exec(executor, "exit $PYDIST_RUN_INDEX", { nodes: ["c", "b"] });
    expect(shell).toMatchObject({
      ok: false,
      nodes: [
        { name: "c", code: 0 },
        { name: "b", code: 1 },
      ],
    });
    const killed = await exec(executor, "kill -9 $$", { nodes: ["d"] });
    expect(killed).toMatchObject({ ok: false, nodes: [{ code: null, signal: "SIGKILL", error: undefined }] });
    const missing = await exec(executor, ["no-such-program"], { nodes: ["a"] });
    expect(missing.ok).toBe(false);
    expect(missing.nodes).toMatchObject([
      { code: 127, stderr: "no-such-program could not be run: spawn no-such-program ENOENT\n" },
    ]);
  });

  it("has the node's variables and those it is given, but none of pydist's, such as the secret", async () => {
    const executor = attach(tree.address);
    const { nodes } = await exec(executor, 'pwd; env | grep "^PYDIST\\|^GIVEN\\|^TMPDIR" | sort', {
      nodes: ["a"],
      cwd: "..",
      env: { GIVEN: "one two" },
    });
    const lines = [tree.place.folder, "GIVEN=one two", "PYDIST_RUN_COUNT=1", "PYDIST_RUN_INDEX=0"];
    expect(nodes[0]?.stdout).toBe([...lines, `TMPDIR=${tree.place.folder}`, ""].join("\n"));
  });

  it("may write without end: all lines are told, and the beginning is kept", async () => {
    const executor = attach(tree.address);
    const count = 400_000;
    const program = `const line = "x".repeat(99) + "\\n"; for (let i = 0; i < ${count / 1000}; i++) require("fs").writeSync(1, line.repeat(1000));`;
    let told = 0;
    const told100 = ({ text }: ProgramLine): void => {
      if (text.length === 99) told++;
    };
    const [loud] = (await exec(executor, ["node", "-e", program], { nodes: ["d"], onLine: told100 })).nodes;
    expect(told).toBe(count);
    expect(loud).toMatchObject({ code: 0, cut: true });
    expect(loud?.stdout.length).toBe(1024 * 1024);
    const [quiet] = (await exec(executor, ["node", "-e", program], { nodes: ["d"] })).nodes;
    expect(quiet).toMatchObject({ code: 0, cut: true, stdout: loud?.stdout });
  });

  it("runs on one node that is chosen, with 'any'", async () => {
    const executor = attach(tree.address);
    const lines: ProgramLine[] = [];
    const onLine = (line: ProgramLine): void => void lines.push(line);
    const { nodes } = await exec(executor, "echo here", { nodes: "any", onLine });
    const [{ node, name } = { node: "", name: "" }] = nodes;
    expect(nodes).toMatchObject([{ code: 0, stdout: "here\n" }]);
    expect(tree.node(name).id).toBe(node);
    expect(lines).toEqual([{ node, name, stream: "stdout", text: "here" }]);
  });
});

describe("a node that is lost in the middle", () => {
  it.each(["SIGKILL", "SIGTERM"] as const)("by %s leaves neither program nor folder", async (signal) => {
    const own = await fourNodes({ args: ["--drain-grace", "0"] });
    const executor = attach(own.address);
    await executor.waitForNodes(4);
    const gate = await Gate.make();
    const ran = exec(executor, ["node", "parent.mjs", `${gate.port}`, "program"], { files: standing });
    await gate.entered(8);
    await own.node("d").stop(signal);
    await gate.holds(6);
    gate.open();
    const { nodes, ok } = await ran;
    expect(ok).toBe(false);
    const ends = new Map(nodes.map(({ name, code, error }) => [name, { code, error }]));
    for (const name of ["a", "b", "c"]) expect(ends.get(name)).toEqual({ code: 0, error: undefined });
    expect(ends.get("d")).toEqual({ code: null, error: expect.any(NodeLostError) });
    await own.place.empty();
  });
});

it("a node that has no room for the program's folder says so", async () => {
  const { address } = await spawnNode({ args: ["--allow-exec"], env: { TMPDIR: "/there/is/no/such/folder" } });
  expect((await exec(attach(address), ["true"])).nodes).toMatchObject([
    { code: 127, stderr: expect.stringMatching(/^true could not be run: ENOENT: no such file or directory/) },
  ]);
});

describe("who may", () => {
  it("is a matter of the node: without --allow-exec nothing is run anywhere, and the nodes are named", async () => {
    const root = await spawnNode({ name: "willing", args: ["--allow-exec"] });
    await spawnNode({ name: "unwilling", parent: root.address });
    const executor = attach(root.address);
    await executor.waitForNodes(2);
    const allowed = (await executor.nodes()).map(({ name, allowExec }) => [name, allowExec]);
    expect(allowed).toEqual([
      ["willing", true],
      ["unwilling", false],
    ]);
    const refused = await exec(executor, "exit 0").catch((error) => error);
    expect(refused).toBeInstanceOf(ExecRefusedError);
    expect(refused).toMatchObject({ code: "PYDIST_E_EXEC_REFUSED", nodes: ["unwilling"] });
    expect(refused.message).toBe(
      "The program was run nowhere, since unwilling does not allow it. " +
        "Start that node with --allow-exec, or name only nodes that do.",
    );
    await expect(exec(executor, "exit 0", { nodes: ["unwilling"] })).rejects.toThrow(ExecRefusedError);
    expect(await exec(executor, "exit 0", { nodes: ["willing"] })).toMatchObject({ ok: true });
    expect(await exec(executor, "exit 0", { nodes: "any" })).toMatchObject({ ok: true, nodes: [{ name: "willing" }] });
  });

  it("is asked on the node, too, by what runs there", async () => {
    const executor = attach((await spawnNode()).address);
    const assignment = { command: "exit 0", args: [], shell: true, cwd: ".", env: {}, wanted: "all" } as const;
    expect(await executor.submit(programWith([]), [assignment])).toEqual({ refused: true });
  });

  it("is the program itself on its own threads, unless others can reach them", async () => {
    const own = new ClusterExecutor({ maxWorkers: 1 });
    opened({ close: () => own.shutdown() });
    expect(await exec(own, "echo own")).toMatchObject({ ok: true, nodes: [{ stdout: "own\n" }] });
    const strict = new ClusterExecutor({ maxWorkers: 1, allowExec: false });
    opened({ close: () => strict.shutdown() });
    await expect(exec(strict, "exit 0")).rejects.toThrow(ExecRefusedError);
  });
});

describe("what is wrong is said at the call", () => {
  it.each<
    [what: string, command: unknown, options: unknown, error: typeof TypeError | typeof RangeError, message: string]
  >([
    [
      "no command",
      "",
      {},
      TypeError,
      "exec: command is ''; it must be a text for the shell, or a list of the program and its arguments.",
    ],
    [
      "an empty list",
      [],
      {},
      TypeError,
      "exec: command is []; it must be a text for the shell, or a list of the program and its arguments.",
    ],
    [
      "an option with a typo",
      "x",
      { file: "." },
      TypeError,
      "exec has no option 'file'; it has files, nodes, cwd, env, signal, timeout, onLine.",
    ],
    ["no options", "x", 7, TypeError, "exec: the third argument is 7; it must be an object."],
    ["files", "x", { files: 7 }, TypeError, "exec: files is 7; it must be a path, or a list of paths."],
    [
      "nodes",
      "x",
      { nodes: [] },
      TypeError,
      'exec: nodes is []; it must be "all", "any", or a list of names or ids of nodes.',
    ],
    ["cwd", "x", { cwd: "" }, TypeError, "exec: cwd is ''; it must be a path."],
    ["env", "x", { env: { A: 1 } }, TypeError, "exec: env is { A: 1 }; it must be an object of texts."],
    ["signal", "x", { signal: "no" }, TypeError, "exec: signal is 'no'; it must be an AbortSignal."],
    ["timeout", "x", { timeout: 0 }, TypeError, "exec: timeout is 0; it must be a number of milliseconds above 0."],
    ["onLine", "x", { onLine: 1 }, TypeError, "exec: onLine is 1; it must be a function."],
    [
      "a node that is not there",
      "x",
      { nodes: ["e"] },
      RangeError,
      'exec: no node that has workers and takes tasks is called "e". There are a, ',
    ],
  ])("%s", async (_what, command, options, error, message) => {
    const executor = attach(tree.address);
    const refused = await exec(executor, command as string, options as ExecOptions).catch((thrown) => thrown);
    expect(refused).toBeInstanceOf(error);
    expect(refused.message).toContain(message);
  });

  it("a name that two nodes have", async () => {
    const root = await spawnNode({ name: "twin", args: ["--allow-exec"] });
    await spawnNode({ name: "twin", parent: root.address, args: ["--allow-exec"] });
    const executor = attach(root.address);
    await executor.waitForNodes(2);
    await expect(exec(executor, "x", { nodes: ["twin"] })).rejects.toThrow(
      'exec: 2 nodes are called "twin". Name one by its id, as nodes() lists it.',
    );
    expect(await exec(executor, "exit 0", { nodes: [root.id] })).toMatchObject({ ok: true });
  });

  it("a tree without workers", async () => {
    const { address } = await spawnNode({ workers: 0 });
    await expect(exec(attach(address), "x")).rejects.toThrow(
      "exec: there is no node that has workers and takes tasks. Start one.",
    );
  });

  it("too many bytes of files, before any is read", async () => {
    const folder = folderOf({ large: "" });
    truncateSync(`${folder}/large`, 257 * 1024 * 1024);
    await expect(exec(attach(tree.address), "x", { files: folder })).rejects.toThrow(
      `files: with ${folder}/large there are more than 256 MiB. Leave out what the program does not need, or have it fetch large files itself.`,
    );
  });

  it("files that are not there, or no files", async () => {
    const executor = attach(tree.address);
    const folder = folderOf({ a: "" });
    await expect(exec(executor, "x", { files: `${folder}/b` })).rejects.toMatchObject({ code: "ENOENT" });
    await expect(exec(executor, "x", { files: "/dev/null" })).rejects.toThrow(
      "files: /dev/null is neither a file nor a folder. Leave it out.",
    );
  });
});
