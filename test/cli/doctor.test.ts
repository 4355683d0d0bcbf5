import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { resolveSecret, VERSION } from "pydist-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { formatAddress, listen } from "../../packages/pydist-node/dist/links/index.js";
import { whyNotHere } from "../support/loopback.js";
import { freePort } from "../support/ports.js";
import { fileHome, makeHome, nodeJoined, type ProcessOptions, runCli, spawnNode } from "../support/processes.js";

/** The discard port of loopback: nobody listens there. */
const NOBODY = "127.0.0.1:9";

/** How a process is named that has taken a port, where that can be found out. */
const byThisProcess =
  process.platform === "linux"
    ? ` (process ${process.pid}: ${readFileSync("/proc/self/cmdline", "utf8").replaceAll("\0", " ").trim()})`
    : "";

interface Check {
  readonly name: string;
  readonly status: string;
  readonly message: string;
}

/** Runs the doctor both ways, which have to say the same. */
async function examined(args: readonly string[], options: ProcessOptions = {}) {
  const all = args.includes("--port") ? args : [...args, "--port", `${await freePort()}`];
  const run = await runCli(["doctor", "--json", ...all], options);
  expect(run.stderr).toBe("");
  const report = JSON.parse(run.stdout) as { ok: boolean; exitCode: number; checks: Check[] };
  expect(report.exitCode).toBe(run.code);
  expect(report.ok).toBe(run.code === 0);
  // What this machine calls itself, and whether that leads here, is its own matter.
  const judged = report.checks.filter(({ name }) => name !== "hostname");
  const statuses = Object.fromEntries(judged.map(({ name, status }) => [name, status]));
  const messages = Object.fromEntries(report.checks.map(({ name, message }) => [name, message]));
  return { code: run.code, statuses, messages };
}

const files = process.platform === "win32" ? {} : { files: "ok" };
const WELL = { Node: "ok", pydist: "ok", cores: "ok", config: "ok", secret: "ok", host: "ok", port: "ok", ...files };

/** @param role `apart`: milliseconds by which its clock is ahead */
async function listening(role: { protocol?: { min: number; max: number }; version?: string; apart?: number } = {}) {
  const { key } = await resolveSecret({ secretFile: fileHome().secretFile, env: {}, mayGenerate: false });
  const { protocol = { min: 1, max: 1 }, version = VERSION, apart = 0 } = role;
  const identity = { version, role: "node", id: "s", name: "s", cluster: "default", workers: 1, protocol } as const;
  const hello = () => ({ ...identity, time: Date.now() + apart });
  const listener = await listen({ port: 0, key, hello, onLink: (link) => void link.close("no") });
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
    const port = await freePort();
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
      statuses: { ...WELL, name: "ok", reach: "ok", handshake: "ok", versions: "ok", clock: "ok", tree: "ok" },
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
    const fingerprint = /fingerprint (\S+)$/.exec(messages.secret ?? "")?.[1];
    expect(messages.handshake).toMatch(
      new RegExp(`The fingerprint here is ${fingerprint}; it has to be the same there\\.$`),
    );
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
      statuses: { ...WELL, reach: "ok", handshake: "ok", versions: "warn", clock: "ok", tree: "warn" },
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
    expect(checks.slice(-6).map(({ name, status }) => [name, status])).toEqual([
      ["reach", "fail"],
      ["reach", "ok"],
      ["handshake", "ok"],
      ["versions", "ok"],
      ["clock", "ok"],
      ["tree", "ok"],
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
      `${taken} on 127.0.0.1 is taken by something that is no node of this cluster${byThisProcess}. Start nodes with --port 0, or another port.`,
    );
  });

  it("finds clocks that differ", async () => {
    for (const [apart, how] of [
      [3_600_000, "ahead of"],
      [-3_600_000, "behind"],
    ] as const) {
      const { code, statuses, messages } = await examined([await listening({ apart })]);
      expect({ code, status: statuses.clock }).toEqual({ code: 0, status: "warn" });
      expect(messages.clock).toMatch(
        new RegExp(
          `^that of "s" is [\\w ]+ ${how} this machine's\\. Tasks do not mind, but times in logs do not fit together\\. Set both by NTP\\.$`,
        ),
      );
    }
  });

  it("finds nodes that cannot be dialled by the address that they give", async () => {
    const root = await spawnNode({ name: "r" });
    const child = await spawnNode({ name: "c", parent: root.address, args: ["--advertise", NOBODY] });
    await nodeJoined(root, child.id);
    const { code, statuses, messages } = await examined([root.address]);
    expect({ code, status: statuses.tree }).toEqual({ code: 0, status: "warn" });
    expect(messages.tree).toBe(
      `from here, 1 of 2 nodes cannot be dialled by the address that they give: c (${NOBODY}). Nothing is wrong as long ` +
        "as nobody is sent to them (--max-children) or looks for them when its parent is lost. Otherwise start them with " +
        "--host 0.0.0.0, or with an --advertise that leads there.",
    );
  });

  it("finds a node that listens by the other kind of address", async (ctx) => {
    const missing = await whyNotHere("::1");
    if (missing !== undefined) ctx.skip(missing);
    const { address } = await spawnNode({ args: ["--host", "::1"] });
    const port = address.split(":").at(-1);
    const { code, messages } = await examined([`127.0.0.1:${port}`]);
    expect(code).toBe(3);
    expect(messages.reach).toBe(
      `Nothing listens at 127.0.0.1:${port}. Start a node there (pydist-node spawn), or check the address. ` +
        `Something does listen at [::1]:${port}: use that address, or start the node with --host 127.0.0.1.`,
    );
  });
});
