import { spawnSync } from "node:child_process";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { VERSION } from "pydist-node";
import { describe, expect, it } from "vitest";
import { folderOf } from "../support/folders.js";
import { freePort } from "../support/ports.js";
import { makeHome, runCli, spawnNode } from "../support/processes.js";

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
      ...["--", "--allow-exec", "--name", "it's"],
    );
    const line = (destination: string, port: number, name: string, workers: string) =>
      `ssh -p2222 -T -oBatchMode=yes -- ${destination} 'npx pydist-node spawn --json --detach ` +
      `.local/state/pydist/node-${port}.log --secret-file - --cluster default --name ${name} --port ${port} ` +
      `--connect-timeout 10000 --await-parent ${workers}--allow-exec --name '\\''it'\\''\\'\\'''\\''s'\\'''\n`;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(line("n1", 9000, "n1", "--workers 2 ") + line("me@n2", 9001, "n2:9001", ""));
  });

  it("has what is installed there run, or else has npm bring this release", async () => {
    expect((await launch("--dry-run", "--await-parent")).stdout).toContain(
      `command -v pydist-node >/dev/null 2>&1 && exec pydist-node "$@"; exec npx --yes pydist-node@${VERSION} "$@"`,
    );
  });

  it("shows it before there is a tree, if the parent is named", async () => {
    const { code, stdout, stderr } = await launch("--dry-run", "--parent", "192.0.2.1:9000");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/--parent 192\.0\.2\.1:9000/g)).toHaveLength(2);
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
