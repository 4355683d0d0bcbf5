import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { VERSION } from "pydist-node";
import { describe, expect, it } from "vitest";
import { dialOf } from "../../packages/launch/dist/hosts/dialled.js";
import { remoteCommand } from "../../packages/launch/dist/hosts/remote.js";
import { folderOf } from "../support/folders.js";
import { freePort } from "../support/ports.js";
import { makeHome, nodeJoined, runCli, spawnNode } from "../support/processes.js";

/* What `launch hosts` says before it logs in anywhere. */

const file = join(folderOf({ "peers.txt": "n1 workers=2\nme@n2:9001\n" }), "peers.txt");
const launch = (...args: string[]) => runCli(["launch", "hosts", "--hostfile", file, ...args]);

const failed = (code: number, sentence: string) => ({
  code,
  signal: null,
  stdout: "",
  stderr: `pydist-node: ${sentence}\n`,
});

describe("pydist-node launch hosts", () => {
  it("shows with --dry-run what would be run where; the secret is no part of it", async () => {
    const { address } = await spawnNode();
    const { code, stdout, stderr } = await launch(
      ...["--dry-run", "--await-parent", "--ssh-option", "-p2222", "--remote-command", "npx pydist-node", address],
      ...["--", "--allow-exec", "--workers", "3", "--cache-dir", "it's"],
    );
    const line = (destination: string, port: number, name: string, workers: string) =>
      `ssh -p2222 -T -oBatchMode=yes -oConnectTimeout=15 -- ${destination} 'npx pydist-node spawn --json --detach ` +
      `.local/state/pydist/node-${port}.log --secret-file - --cluster default --name ${name} --port ${port} ` +
      `--connect-timeout 10000 --await-parent --allow-exec --workers 3 --cache-dir '\\''it'\\''\\'\\'''\\''s'\\''${workers}'\n`;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(line("n1", 9000, "n1", " --workers 2") + line("me@n2", 9001, "n2:9001", ""));
  });

  it("has what is installed there run, or else has npm bring this release", async () => {
    expect((await launch("--dry-run", "--await-parent")).stdout).toContain(
      `has pydist-node && exec pydist-node "$@"; has npx || ! has node || { echo "npx: not found, beside node" >&2; exit 127; }; ` +
        `exec npx --yes pydist-node@${VERSION} "$@"`,
    );
  });

  it("tells a machine that has Node without npm", (ctx) => {
    if (process.platform === "win32") ctx.skip("machines have a POSIX shell");
    const folder = folderOf({});
    symlinkSync(process.execPath, join(folder, "node"));
    symlinkSync("/bin/sh", join(folder, "sh"));
    const { status, stderr } = spawnSync("/bin/sh", ["-c", remoteCommand(undefined, ["status"])], {
      encoding: "utf8",
      env: { PATH: folder },
    });
    expect({ status, stderr }).toEqual({ status: 127, stderr: "npx: not found, beside node\n" });
  });

  it("shows it before there is a tree, if the parent is named", async () => {
    const { code, stdout, stderr } = await launch("--dry-run", "--parent", "192.0.2.1:9000");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/--parent 192\.0\.2\.1:9000/g)).toHaveLength(2);
  });

  it("shows with --down and --dry-run what would stop them, and stops nothing", async () => {
    const root = await spawnNode({ workers: 0 });
    const n1 = await spawnNode({ name: "n1", parent: root.address });
    await nodeJoined(root, n1.id);
    const { code, stdout, stderr } = await launch(
      "--down",
      "--dry-run",
      "--remote-command",
      "pydist-node",
      root.address,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(
      `pydist-node stop ${root.address} --node ${n1.id}\n` +
        "ssh -T -oBatchMode=yes -oConnectTimeout=15 -- me@n2 'pydist-node stop 127.0.0.1:9001 --json --cluster default " +
        "--secret-file - --connect-timeout 3000'\n",
    );
    expect((await runCli(["status", n1.address])).stdout).toMatch(/^state +ready$/m);
  });

  it("needs a file of machines, once", async () => {
    const sentence = "Which machines? Give --hostfile FILE, once.";
    expect(await runCli(["launch", "hosts"])).toEqual(failed(2, sentence));
    expect(await launch("--hostfile", file)).toEqual(failed(2, sentence));
  });

  it("needs a tree that is there, and its secret", async () => {
    const port = await freePort();
    const nobody = `127.0.0.1:${port}`;
    const sentence = `Nothing listens at ${nobody}. Start a node there (pydist-node spawn), or check the address.`;
    expect(await launch(nobody)).toEqual(failed(3, sentence));
    expect(await launch("--parent", nobody)).toEqual(failed(3, sentence));
    const { code, stderr } = await runCli(["launch", "hosts", "--hostfile", file], {
      home: makeHome({ secret: false }),
    });
    expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining("There is no cluster secret: ") });
  });

  it("looks for the parent before it logs in anywhere; where another address is the tree's, only to warn", async (ctx) => {
    const { error } = spawnSync("ssh", ["-V"]);
    if (error !== undefined) ctx.skip("there is no ssh here (apt-get install openssh-client)");
    const { address } = await spawnNode();
    const nobody = `127.0.0.1:${await freePort()}`;
    const sentence = `Nothing listens at ${nobody}. Start a node there (pydist-node spawn), or check the address.`;
    const args = ["launch", "hosts", "--hostfile", file, "--parent", nobody];
    expect(await runCli(args, { env: { PYDIST_ADDRESS: address } })).toEqual(failed(3, sentence));
    expect((await launch(address, "--parent", nobody)).stderr).toContain(
      `pydist-node: ${sentence} That is how --parent looks from here; the machines may reach what this one does not.\n` +
        `pydist-node: The nodes are to join ${nobody}, which on n1`,
    );
  });

  it("names nodes that are to be dialled as ssh would connect to them", async (ctx) => {
    const { error } = spawnSync("ssh", ["-V"]);
    if (error !== undefined) ctx.skip("there is no ssh here (apt-get install openssh-client)");
    const config = join(folderOf({ config: "Host alpha\n  HostName 192.0.2.7\n" }), "config");
    const ssh = { options: [`-F${config}`], timeout: 120_000, signal: new AbortController().signal };
    const host = { name: "x", port: 9001, workers: undefined };
    expect(await dialOf({ ...host, destination: "me@alpha" }, ssh)).toBe("192.0.2.7:9001");
    expect(await dialOf({ ...host, destination: "me@n7" }, ssh)).toBe("n7:9001");
  });

  it("has them join the address that this machine has for others, if the root listens there", async (ctx) => {
    const addresses = Object.values(networkInterfaces()).flat();
    if (!addresses.some((each) => each?.family === "IPv4" && !each.internal)) ctx.skip("this machine has no network");
    const { address } = await spawnNode({ args: ["--host", "0.0.0.0"] });
    const port = address.split(":").at(-1);
    const { code, stdout } = await launch("--dry-run", `127.0.0.1:${port}`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(` --parent ${address} `) });
    expect(address).not.toContain("127.0.0.1");
  });

  it("refuses to send machines to themselves", async (ctx) => {
    const { error } = spawnSync("ssh", ["-V"]);
    if (error !== undefined) ctx.skip("there is no ssh here (apt-get install openssh-client)");
    const { address } = await spawnNode();
    const sentence =
      `The nodes are to join ${address}, which on n1, n2:9001 is that machine itself. Start the root so that others reach it, ` +
      "pydist-node spawn --host 0.0.0.0, or say with --parent at which address they reach it.";
    expect(await launch(address)).toEqual(failed(2, sentence));
  });

  it.each([
    [["--timeout", "soon"], '--timeout: "soon" is not a whole number of seconds from 1 to 99999.'],
    [["--timeout", "0"], '--timeout: "0" is not a whole number of seconds from 1 to 99999.'],
    [
      ["--ssh-option", "Port=22"],
      '--ssh-option: "Port=22" is no option of ssh. Write each as one word, such as -p2222, -iFILE or -oUser=me.',
    ],
    [
      ["--await-parent", "--parent", "h:1"],
      "Give --parent or --await-parent: either the nodes dial their parent, or it dials them.",
    ],
    [["--", "--nosuch"], "Behind --: Unknown option '--nosuch'. See pydist-node spawn --help."],
    [["--", "--prot", "1"], "Behind --: Unknown option '--prot'. Did you mean --port?"],
    [["--", "--workers", "all"], 'Behind --: --workers: "all" is not a whole number from 0 to 4096.'],
    [["--", "n3"], "Behind --: Too many arguments. Expected 0 arguments but got 1. See pydist-node spawn --help."],
    [["--down", "--", "--port=0"], "Behind --: --port cannot stand there. Write it into the file, as in node7:9001."],
    [["--", "--name", "x"], "Behind --: --name cannot stand there. A node is called as its line in the file."],
    ...["--parent=h:1", "--await-parent", "--cluster=x", "--connect-timeout=1", "--json"].map(
      (flag): [string[], string] => [
        ["--", flag],
        `Behind --: ${flag.replace(/=.*/, "")} cannot stand there. Give it in front of the --.`,
      ],
    ),
    [
      ["--", "--secret-file", "x"],
      "Behind --: --secret-file cannot stand there. Give it in front of the --: it is a file of this machine, and the nodes " +
        "are told what is in it over ssh.",
    ],
    [
      ["--", "--detach", "x"],
      "Behind --: --detach cannot stand there. Each node goes on in the background as it is, with the log that its line in " +
        "the output names.",
    ],
  ])("refuses %j", async (args, sentence) => {
    expect(await launch(...args)).toEqual(failed(2, sentence));
  });

  it("names ssh where there is none", async () => {
    const { address } = await spawnNode();
    expect(await runCli(["launch", "hosts", "--hostfile", file, address], { env: { PATH: folderOf({}) } })).toEqual(
      failed(2, "ssh could not be started (ENOENT). Install OpenSSH's client, or see that it is in PATH."),
    );
  });
});
