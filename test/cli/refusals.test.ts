import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { resolveSecret, VERSION } from "pydist-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { formatAddress, listen } from "../../packages/pydist-node/dist/links/index.js";
import { freePort, freePorts } from "../support/ports.js";
import { fileHome, launchNode, makeHome, type Run, runCli, spawnNode } from "../support/processes.js";

const SOON = ["--connect-timeout", "400"];
/** The discard port of loopback: nobody listens there, and nobody unprivileged can. */
const NOBODY = "127.0.0.1:9";

/** What ended the command; a node may have logged before. */
function lastWords({ stderr }: Pick<Run, "stderr">): string {
  const lines = stderr.split("\n").filter((line) => line !== "");
  expect(lines.filter((line) => !line.startsWith("{"))).toHaveLength(1);
  return lines.at(-1) ?? "";
}

function spawning(...flags: string[]): Promise<Run> {
  return runCli(["spawn", "--port", "0", "--workers", "1", "--json", ...flags]);
}

/** A peer that has this file's secret but another version of the link protocol. */
async function stranger(): Promise<string> {
  const { key } = await resolveSecret({ secretFile: fileHome().secretFile, env: {}, mayGenerate: false });
  const protocol = { min: 98, max: 99 };
  const hello = {
    version: "7.0.0",
    role: "node",
    id: "s",
    name: "s",
    cluster: "default",
    workers: 1,
    protocol,
  } as const;
  const listener = await listen({ port: 0, key, hello: () => hello, onLink: () => {} });
  onTestFinished(() => listener.close());
  return formatAddress(listener.address);
}

async function somethingElse(): Promise<number> {
  const server = createServer((socket) =>
    socket
      .on("error", () => {})
      .resume()
      .end("220 mail.example ESMTP\r\n"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return (server.address() as { port: number }).port;
}

describe("exit code 1: a node that cannot listen", () => {
  it("because the port is taken", async () => {
    const port = await somethingElse();
    const run = await runCli(["spawn", "--port", `${port}`]);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(lastWords(run)).toBe(
      `pydist-node: Port ${port} on 127.0.0.1 is taken by another process. Choose another one with --port, or --port 0 for any that is free.`,
    );
  });

  it("although it has a parent: nobody was unreachable", async () => {
    const parent = await spawnNode();
    const run = await runCli(["spawn", "--port", `${await somethingElse()}`, "--parent", parent.address]);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(lastWords(run)).toContain("is taken by another process");
  });

  it("because the address is another machine's", async () => {
    const run = await spawning("--host", "192.0.2.1");
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(lastWords(run)).toBe(
      "pydist-node: 192.0.2.1 is no address of this machine. Choose one of its own with --host, or 0.0.0.0 for all of them.",
    );
  });

  it("because the name does not exist", async () => {
    const run = await spawning("--host", "nobody.invalid");
    expect(run.code).toBe(1);
    expect(lastWords(run)).toMatch(
      /^pydist-node: The host name nobody\.invalid cannot be resolved .* Give --host an address of this machine\.$/,
    );
  });
});

describe("exit code 3: nobody of ours at the address", () => {
  it("a parent that does not come", async () => {
    const run = await spawning("--parent", NOBODY, ...SOON);
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(lastWords(run)).toMatch(
      /^pydist-node: No node answered at 127\.0\.0\.1:9 within \d+ ms\. Nothing listens at 127\.0\.0\.1:9\. Start a node there \(pydist-node spawn\), or check the address\.$/,
    );
  });

  it("none of several parents", async () => {
    const run = await spawning("--parent", NOBODY, "--parent", "nobody.invalid:1", ...SOON);
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(lastWords(run)).toContain("No node answered at 127.0.0.1:9, nobody.invalid:1 within");
  });

  it.each(["tree", "status"])("%s", async (command) => {
    expect(await runCli([command, NOBODY])).toEqual({
      code: 3,
      signal: null,
      stdout: "",
      stderr: `pydist-node: Nothing listens at ${NOBODY}. Start a node there (pydist-node spawn), or check the address.\n`,
    });
  });

  it("something else listens there", async () => {
    const address = `127.0.0.1:${await somethingElse()}`;
    const run = await runCli(["tree", address]);
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(lastWords(run)).toContain(`${address} is no pydist node`);
  });

  it("tree and status try several in order", async () => {
    const { address, id } = await spawnNode();
    const run = await runCli(["status", `${NOBODY},${address}`, "--json"]);
    expect(JSON.parse(run.stdout)).toMatchObject({ id });
    const none = await runCli(["status", `${NOBODY},127.0.0.1:10`]);
    expect(none.code).toBe(3);
    expect(lastWords(none)).toMatch(/Nothing listens at 127\.0\.0\.1:9\..*Nothing listens at 127\.0\.0\.1:10\./);
  });
});

describe("exit code 4", () => {
  it("another secret", async () => {
    const { address } = await spawnNode();
    const home = makeHome();
    const commands = [
      ["spawn", "--port", "0", "--parent", address],
      ["tree", address],
      ["status", address],
    ];
    for (const args of commands) {
      const run = await runCli(args, { home });
      expect(run).toMatchObject({ code: 4, stdout: "" });
      expect(lastWords(run)).toBe(
        `pydist-node: ${address} has a different secret than this process, whose secret comes from ${home.secretFile}. Compare the two: ` +
          "`pydist-node secret` on each machine says where its secret is. Copy the root's to the other one.",
      );
    }
  });

  it("no secret, unless one is a root", async () => {
    const home = makeHome({ secret: false });
    for (const args of [["spawn", "--port", "0", "--parent", NOBODY], ["tree"], ["status"]]) {
      const run = await runCli(args, { home });
      expect(run).toMatchObject({ code: 4, stdout: "" });
      expect(lastWords(run)).toContain(`There is no cluster secret: ${home.secretFile} does not exist`);
    }
  });

  it("a secret that others may read", async () => {
    const home = makeHome();
    chmodSync(home.secretFile, 0o644);
    const run = await runCli(["spawn", "--port", "0"], { home });
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(lastWords(run)).toContain(`Run: chmod 600 ${home.secretFile}`);
  });

  it("a secret that is too short", async () => {
    const run = await runCli(["spawn", "--port", "0"], { env: { PYDIST_SECRET: "sesame" } });
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(lastWords(run)).toContain("the variable PYDIST_SECRET has 6 characters; at least 32 random ones are needed");
  });

  it("another cluster", async () => {
    const { address } = await spawnNode({ name: "r", args: ["--cluster", "blue"] });
    for (const args of [
      ["spawn", "--port", "0", "--parent", address, "--cluster", "red"],
      ["tree", address, "--cluster", "red"],
    ]) {
      const run = await runCli(args);
      expect(run).toMatchObject({ code: 4, stdout: "" });
      expect(lastWords(run)).toBe(
        `pydist-node: This process belongs to the cluster "red", the peer ${address} ("r") to the cluster "blue". ` +
          "Set cluster (--cluster, PYDIST_CLUSTER) to the same name on both, or use another address.",
      );
    }
    expect((await runCli(["tree", address, "--cluster", "blue"])).code).toBe(0);
  });
});

it("exit code 5: another version of the link protocol", async () => {
  const address = await stranger();
  for (const args of [
    ["spawn", "--port", "0", "--parent", address],
    ["tree", address],
    ["status", address],
  ]) {
    const run = await runCli(args);
    expect(run).toMatchObject({ code: 5, stdout: "" });
    expect(lastWords(run)).toBe(
      `pydist-node: This process (pydist ${VERSION}) speaks version 1 of the link protocol, the peer ${address} (pydist 7.0.0) version 98-99. ` +
        "Install the same release of pydist on both.",
    );
  }
});

describe("which secret is used", () => {
  it("a flag's file before PYDIST_SECRET, and that before the configuration file's", async () => {
    const right = fileHome().secretFile;
    const { address } = await spawnNode();
    const home = makeHome();
    const PYDIST_SECRET = home.secret;
    const byFlag = await runCli(["status", address, "--secret-file", right], { home, env: { PYDIST_SECRET } });
    expect(byFlag.code).toBe(0);
    writeFileSync(join(home.folder, "pydist.config.json"), JSON.stringify({ secretFile: right }));
    expect((await runCli(["status", address], { home })).code).toBe(0);
    expect((await runCli(["status", address], { home, env: { PYDIST_SECRET } })).code).toBe(4);
    expect((await runCli(["status", address], { home, env: { PYDIST_SECRET_FILE: home.secretFile } })).code).toBe(4);
    const both = { PYDIST_SECRET, PYDIST_SECRET_FILE: right };
    expect((await runCli(["status", address], { home, env: both })).code).toBe(4);
  });
});

describe("a node whose way up leads round in a circle", () => {
  const cycle =
    /^pydist-node: Joining would create a cycle: (.*)\. A node's parent must not be the node itself or below it; /;

  it("is refused as its own parent", async () => {
    const port = await freePort();
    const run = await runCli([
      "spawn",
      "--name",
      "A",
      "--port",
      `${port}`,
      "--parent",
      `127.0.0.1:${port}`,
      "--connect-timeout",
      "5000",
    ]);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(cycle.exec(lastWords(run))?.[1]).toBe(`A (127.0.0.1:${port}) > A (127.0.0.1:${port})`);
  });

  it.each(["together", "one after the other"])(
    "is refused when two are each other's parent, started %s",
    async (how) => {
      const [a = 0, b = 0] = await freePorts(2);
      const joining = (name: string, port: number, other: number) =>
        launchNode({
          name,
          port,
          parent: `127.0.0.1:${other}`,
          args: ["--connect-timeout", "6000", "--log-level", "debug"],
        });
      const first = joining("A", a, b);
      if (how !== "together") await first.logged((line) => line.includes("No parent yet"));
      const second = joining("B", b, a);
      const nodes = { A: `A (127.0.0.1:${a})`, B: `B (127.0.0.1:${b})` };
      const named = [`${nodes.A} > ${nodes.B} > ${nodes.A}`, `${nodes.B} > ${nodes.A} > ${nodes.B}`];
      const codes: unknown[] = [];
      for (const node of [first, second]) {
        const { code } = await node.exited;
        codes.push(code);
        expect(node.stdout).toBe("");
        if (code === 1) expect(named).toContain(cycle.exec(lastWords(node))?.[1]);
        else expect(code).toBe(3);
      }
      expect(codes).toContain(1);
    },
  );
});
