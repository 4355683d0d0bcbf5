import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterNode } from "pydist-node";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/pnpm.mjs";
import { rawPeer } from "../node/raw-peer.js";
import { attach } from "../support/attach.js";
import { Gate, hold, known } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome, type NodeProcess, runCli, spawnNode, spawnTree } from "../support/processes.js";

/** A line that the code can log, as `level: message {fields}`. */
function linesIn(folder: string): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const text = readFileSync(join(root, folder, file), "utf8");
      const found: string[] = [];
      const visit = (node: ts.Node): void => {
        const line = lineOf(node);
        if (line !== undefined) found.push(line);
        ts.forEachChild(node, visit);
      };
      visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
      return found;
    });
}

function lineOf(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined;
  const { expression, name } = node.expression;
  const level = name.text;
  if (!/[lL]ogger$/.test(expression.getText()) || !["debug", "info", "warn", "error"].includes(level)) return undefined;
  const [fields, message] = node.arguments;
  return `${level}: ${message === undefined ? "nothing" : textOf(message)} {${fields === undefined ? "" : namesOf(fields)}}`;
}

/** What is put together at run time is no name that somebody could look for. */
function textOf(message: ts.Node): string {
  return ts.isStringLiteral(message) ? message.text : `NO LITERAL: ${message.getText()}`;
}

function namesOf(fields: ts.Node): string {
  if (!ts.isObjectLiteralExpression(fields)) return `NO LITERAL: ${fields.getText()}`;
  return fields.properties.map((property) => property.name?.getText() ?? property.getText()).join(", ");
}

/** The same of the table in the documentation. */
function linesTold(): string[] {
  const page = readFileSync(join(root, "docs/cli.md"), "utf8");
  const section = /^## Logs$([\s\S]*?)^## /m.exec(page)?.[1] ?? "";
  const rows = section.split("\n").filter((line) => /^\| `/.test(line));
  return rows.map((row) => {
    const [message = "", level = "", fields = "", meaning = ""] = row
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    expect(meaning, row).not.toBe("");
    const names = [...fields.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    return `${level}: ${message.slice(1, -1)} {${names.join(", ")}}`;
  });
}

describe("docs/cli.md", () => {
  it("lists each line that a node can log, with its level and fields, and no other", () => {
    const logged = new Set(["pydist-node", "discovery"].flatMap((name) => linesIn(`packages/${name}/src`)));
    expect(linesTold().sort()).toEqual([...logged].sort());
    expect(logged.size).toBeGreaterThan(20);
  });
});

type Line = Readonly<Record<string, unknown>>;

async function line(node: NodeProcess, msg: string): Promise<Line> {
  return JSON.parse(await node.logged((each) => each.includes(`"msg":"${msg}"`))) as Line;
}

describe("a node logs", () => {
  it("how many tasks of a lost node wait again, and why", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "leaf", args: ["--no-supervise"] }] });
    const executor = attach(tree.address, { name: "program" });
    await executor.waitForNodes(2);
    const gate = await Gate.make();
    const futures = [1, 2].map((n) => executor.submit(hold, [gate.port, n]));
    await Promise.race(futures.map(known));
    tree.node("leaf").kill();
    expect(await line(tree.root, "Tasks of a lost node wait again")).toMatchObject({
      level: "warn",
      node: tree.node("leaf").id,
      name: "leaf",
      tasks: expect.any(Number),
      begun: 1,
      cause: expect.stringContaining("socket-closed"),
    });
    expect(await line(tree.root, "Node lost")).toMatchObject({ name: "leaf" });
    for (const future of futures) future.cancel();
  });

  it("what is dropped because whoever sent it is gone, and nothing of one that had nothing there", async () => {
    const { secretFile } = fileHome();
    const lines: Line[] = [];
    const log = (fields: object, msg: string): void => void lines.push({ ...fields, msg });
    const logger = { debug: log, info: log, warn: log, error: log };
    const node = opened(await ClusterNode.start({ port: 0, workers: 1, secretFile, logger }));
    const gone = async (tasks: number, count: number): Promise<void> => {
      const peer = await rawPeer(node.address, secretFile, "executor");
      if (tasks > 0) peer.sendTasks(1, (n) => n, tasks);
      if (tasks > 0) await peer.next("needCode");
      await peer.link.close("that was all");
      const told = () => lines.filter(({ msg }) => msg === "Upstream gone").length;
      while (told() < count) await new Promise((resolve) => setImmediate(resolve));
    };
    await gone(0, 1);
    await gone(3, 2);
    const peer = { name: "raw", role: "executor", tasks: 3, cause: "closed-by-peer: that was all" };
    expect(lines.filter(({ msg }) => msg === "Upstream lost with tasks here")).toEqual([expect.objectContaining(peer)]);
  });

  it("a worker thread that ended: whose tasks it took along, and what becomes of them", async () => {
    const node = await spawnNode();
    const executor = attach(node.address, { name: "program" });
    await executor.submit(() => process.exit(7), [], { name: "quits" }).catch(() => {});
    expect(await line(node, "A worker thread ended under its tasks")).toMatchObject({
      level: "warn",
      task: "quits",
      failed: 1,
      again: 0,
      cause: expect.stringContaining("7"),
    });
  });

  it("that it is drained, when that has come about, and that it leaves", async () => {
    const node = await spawnNode();
    expect((await runCli(["drain", node.address])).code).toBe(0);
    await line(node, "Drained: nothing runs here any more");
    expect((await runCli(["resume", node.address])).code).toBe(0);
    expect((await runCli(["stop", node.address])).code).toBe(0);
    expect(await line(node, "Leaving: no new tasks come here")).toMatchObject({ tasks: 0, grace: 30_000 });
    await node.exited;
    expect(node.stderr.match(/Drained:/g)).toHaveLength(1);
    expect(node.stderr).toMatch(/"level":"info",.*"msg":"Left the tree"}\n$/);
  });
});
