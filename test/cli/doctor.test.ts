import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { resolveSecret, VERSION } from "pydist-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { formatAddress, listen } from "../../packages/pydist-node/dist/links/index.js";
import { fileHome, freePorts, makeHome, type ProcessOptions, runCli, spawnNode } from "../support/processes.js";

interface Check {
  readonly name: string;
  readonly status: string;
  readonly message: string;
}

/** Runs the doctor both ways, which have to say the same. */
async function examined(args: readonly string[], options: ProcessOptions = {}) {
  const [port] = args.includes("--port") ? [] : await freePorts(1);
  const all = port === undefined ? args : [...args, "--port", `${port}`];
  const run = await runCli(["doctor", "--json", ...all], options);
  expect(run.stderr).toBe("");
  const report = JSON.parse(run.stdout) as { ok: boolean; exitCode: number; checks: Check[] };
  expect(report.exitCode).toBe(run.code);
  expect(report.ok).toBe(run.code === 0);
  const statuses = Object.fromEntries(report.checks.map(({ name, status }) => [name, status]));
  const messages = Object.fromEntries(report.checks.map(({ name, message }) => [name, message]));
  return { code: run.code, statuses, messages };
}

const WELL = { Node: "ok", pydist: "ok", cores: "ok", config: "ok", secret: "ok", port: "ok" };

async function listening(
  role: Partial<Parameters<typeof listen>[0]> & { protocol?: { min: number; max: number }; version?: string } = {},
) {
  const { key } = await resolveSecret({ secretFile: fileHome().secretFile, env: {}, mayGenerate: false });
  const { protocol = { min: 1, max: 1 }, version = VERSION } = role;
  const hello = {
    version,
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

describe("doctor", () => {
  it("finds a machine in order", async () => {
    const { code, statuses, messages } = await examined([]);
    expect({ code, statuses }).toEqual({ code: 0, statuses: WELL });
    expect(messages).toMatchObject({
      Node: process.versions.node,
      pydist: VERSION,
      cores: `${availableParallelism()}`,
      config: "no pydist.config.json in this folder",
      secret: expect.stringContaining(`in ${fileHome().secretFile} (mode 600), fingerprint`),
      port: expect.stringMatching(/^\d+ on 127\.0\.0\.1 is free$/),
    });
  });

  it("prints a line for each check", async () => {
    const [port] = await freePorts(1);
    const { code, stdout } = await runCli(["doctor", "127.0.0.1:9", "--port", `${port}`]);
    expect(code).toBe(3);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toBe(`ok    Node        ${process.versions.node}`);
    expect(lines.at(-1)).toBe(
      "fail  reach       Nothing listens at 127.0.0.1:9. Start a node there (pydist-node spawn), or check the address.",
    );
    expect(stdout).not.toContain("\u001b");
  });

  it("finds a node that can be joined", async () => {
    const { address } = await spawnNode({ name: "r" });
    const { code, statuses, messages } = await examined([`localhost:${address.split(":")[1]}`]);
    expect({ code, statuses }).toEqual({
      code: 0,
      statuses: { ...WELL, name: "ok", reach: "ok", handshake: "ok", versions: "ok" },
    });
    expect(messages.handshake).toBe('"r" has the same secret and the cluster "default"');
  });

  it("does not need a secret yet on a machine that may be a root", async () => {
    const { code, statuses } = await examined([], { home: makeHome({ secret: false }) });
    expect({ code, statuses }).toEqual({ code: 0, statuses: { ...WELL, secret: "warn" } });
  });

  it("needs a secret to join somebody", async () => {
    const { address } = await spawnNode();
    const { code, statuses, messages } = await examined([address], { home: makeHome({ secret: false }) });
    expect({ code, statuses }).toEqual({ code: 4, statuses: { ...WELL, secret: "fail", reach: "ok" } });
    expect(messages.secret).toContain("There is no cluster secret");
  });

  it("finds the secrets different", async () => {
    const { address } = await spawnNode();
    const { code, statuses, messages } = await examined([address], { home: makeHome() });
    expect({ code, statuses }).toEqual({ code: 4, statuses: { ...WELL, reach: "ok", handshake: "fail" } });
    expect(messages.handshake).toContain("has a different secret than this process");
  });

  it("finds the clusters different", async () => {
    const { address } = await spawnNode();
    const { code, statuses } = await examined([address, "--cluster", "red"]);
    expect({ code, statuses }).toEqual({ code: 4, statuses: { ...WELL, reach: "ok", handshake: "fail" } });
  });

  it("finds another version of the link protocol", async () => {
    const { code, statuses } = await examined([await listening({ version: "7.0.0", protocol: { min: 98, max: 99 } })]);
    expect({ code, statuses }).toEqual({ code: 5, statuses: { ...WELL, reach: "ok", handshake: "fail" } });
  });

  it("warns of another release that is compatible", async () => {
    const { code, statuses, messages } = await examined([await listening({ version: "0.0.9" })]);
    expect({ code, statuses }).toEqual({
      code: 0,
      statuses: { ...WELL, reach: "ok", handshake: "ok", versions: "warn" },
    });
    expect(messages.versions).toContain("pydist 0.0.9");
  });

  it("finds a name that does not exist", async () => {
    const { code, statuses, messages } = await examined(["nobody.invalid:1"]);
    expect({ code, statuses }).toEqual({ code: 3, statuses: { ...WELL, name: "fail" } });
    expect(messages.name).toContain("cannot be resolved");
  });

  it("looks at each of several addresses", async () => {
    const { address } = await spawnNode();
    const { stdout, code } = await runCli(["doctor", "--json"], { env: { PYDIST_ADDRESS: `127.0.0.1:9,${address}` } });
    expect(code).toBe(3);
    const { checks } = JSON.parse(stdout) as { checks: Check[] };
    expect(checks.slice(-4).map(({ name, status }) => [name, status])).toEqual([
      ["reach", "fail"],
      ["reach", "ok"],
      ["handshake", "ok"],
      ["versions", "ok"],
    ]);
  });

  it("knows who has taken the port", async () => {
    const node = await spawnNode({ name: "r" });
    const port = node.address.split(":")[1] ?? "";
    const ours = await examined(["--port", port]);
    expect(ours.statuses.port).toBe("ok");
    expect(ours.messages.port).toBe(`${port} on 127.0.0.1 is taken by the node "r" of this cluster`);

    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
    const taken = `${(server.address() as { port: number }).port}`;
    const theirs = await examined(["--port", taken]);
    expect({ code: theirs.code, status: theirs.statuses.port }).toEqual({ code: 0, status: "warn" });
    expect(theirs.messages.port).toBe(
      `${taken} on 127.0.0.1 is taken by something that is no node of this cluster. Start nodes with --port 0, or another port.`,
    );
  });
});
