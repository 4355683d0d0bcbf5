import { VERSION } from "pydist-node";
import { describe, expect, it } from "vitest";
import { notStopped } from "../../packages/launch/dist/hosts/down.js";
import { explain } from "../../packages/launch/dist/hosts/explain.js";

const host = { name: "n1", destination: "me@n1", port: 9000, workers: undefined };

/** What a machine answers, as real ones were seen to, and what the user is told. */
describe("why nothing came of a machine", () => {
  it.each<
    [string, { code?: number | null; stdout?: string; stderr?: string; end?: "out of time" | "interrupted" }, string]
  >([
    [
      "a key that is not known there",
      { code: 255, stderr: "Warning: Permanently added 'n1'.\nme@n1: Permission denied (publickey).\n" },
      "ssh could not log in: me@n1: Permission denied (publickey). No password is asked for: put your key there " +
        "(ssh-copy-id me@n1), or load it (ssh-add).",
    ],
    [
      "a host that nobody has seen",
      { code: 255, stderr: "Host key verification failed.\r\n" },
      "ssh could not log in: Host key verification failed. Log in once by hand, to see whose key it is: ssh me@n1",
    ],
    [
      "a name with a typo",
      { code: 255, stderr: "ssh: Could not resolve hostname n1: Name or service not known\r\n" },
      "ssh could not log in: ssh: Could not resolve hostname n1: Name or service not known. See how its name is spelt, or " +
        "whether ~/.ssh/config knows it.",
    ],
    [
      "a machine that is off",
      { code: 255, stderr: "ssh: connect to host n1 port 22: Connection refused\r\n" },
      "ssh could not log in: ssh: connect to host n1 port 22: Connection refused. Try it by hand: ssh me@n1 true",
    ],
    [
      "a machine that says nothing",
      { code: 255, stderr: "ssh: connect to host n1 port 22: Connection timed out\r\n" },
      "ssh could not log in: ssh: connect to host n1 port 22: Connection timed out. It is off, or a firewall drops what is sent " +
        "there. If it only takes longer to answer: --ssh-option -oConnectTimeout=60.",
    ],
    [
      "Node without npm",
      { code: 127, stderr: "npx: not found, beside node\n" },
      "Node is there, but neither pydist-node nor npx. Install npm there, which some systems have as a package of its own " +
        "(apt-get install npm); or pydist-node, and say with --remote-command where it is: 'node " +
        "/path/to/node_modules/pydist-node/dist/cli/main.js'.",
    ],
    [
      "no Node",
      { code: 127, stderr: "pydist-node: 1: exec: npx: not found\n" },
      "neither pydist-node nor npx was found there: pydist-node: 1: exec: npx: not found. Install Node 20.19 or newer; if it " +
        "is there, it is not in the PATH of a shell that is no terminal: say so with --remote-command " +
        "'PATH=/path/to/node/bin:$PATH npx --yes pydist-node'.",
    ],
    [
      "an old Node",
      { code: 1, stderr: "npm WARN EBADENGINE Unsupported engine {\nSyntaxError: Unexpected token '??='\n" },
      "its Node is too old: pydist needs 20.19 or newer. Install that there, or name one with --remote-command.",
    ],
    [
      "no registry",
      {
        code: 1,
        stderr: "npm error code E404\nnpm error 404 Not Found - GET https://r/pydist-node\nnpm error A log is in x\n",
      },
      `npm could not bring pydist-node@${VERSION} there: 404 Not Found - GET https://r/pydist-node. Install it there once, ` +
        "npm install --global pydist-node, or say with --remote-command where it is.",
    ],
    [
      "another release",
      { code: 2, stderr: "pydist-node: Unknown option '--detach'. See pydist-node spawn --help.\n" },
      "its pydist-node is of another release: Unknown option '--detach'. See pydist-node spawn --help. " +
        `Install ${VERSION} there: npm install --global pydist-node@${VERSION}`,
    ],
    [
      "a port that somebody else has",
      {
        code: 1,
        stderr:
          "pydist-node: Port 9000 on 127.0.0.1 is taken by another process. Choose another one with --port, or x.\n",
      },
      "Port 9000 on 127.0.0.1 is taken by another process, and nobody of this cluster answers there. Give its line another " +
        "port, as in me@n1:9001.",
    ],
    [
      "a parent that cannot be reached from there",
      { code: 3, stderr: "pydist-node: No node answered at h:1 within 10000 ms.\n" },
      "No node answered at h:1 within 10000 ms. That is how it looks from there: see that the parent listens for other " +
        "machines (--host) and that no firewall is between; where none can dial out, see launch hosts --await-parent.",
    ],
    [
      "a parent of another cluster",
      {
        code: 4,
        stderr: "pydist-node: h:1 has a different secret than this process, whose secret comes from standard input.\n",
      },
      "at h:1, as it is reached from there, a node of another cluster answers: it has another secret. See that your root is " +
        "what that address means there, or give the right one with --parent.",
    ],
    [
      "whatever else pydist-node says",
      { code: 4, stderr: "noise\npydist-node: h:1 belongs to another cluster.\n" },
      "h:1 belongs to another cluster.",
    ],
    [
      "an end that nobody understands",
      { code: 7, stdout: "Welcome\n" },
      "the command there ended with 7: Welcome. Its log may say more, ssh me@n1 cat .local/state/pydist/node-9000.log; " +
        "--dry-run prints the command, to be tried by hand.",
    ],
    [
      "an ssh that somebody ended",
      { code: null },
      "ssh was ended by a signal, and what became of the node is not known. Do the same again.",
    ],
    [
      "a machine that is too slow",
      { code: null, end: "out of time" },
      "nothing came of it within 120 s, and it was given up. Where npm has much to bring, give it a longer --timeout; else " +
        "see what ssh me@n1 does.",
    ],
    ["Ctrl-C", { code: null, end: "interrupted" }, "it was interrupted."],
    [
      "a terminal's escape sequences",
      { code: 9, stderr: "\u001b]0;evil\u0007\n" },
      "the command there ended with 9: ]0;evil. Its log may say more, ssh me@n1 cat .local/state/pydist/node-9000.log; " +
        "--dry-run prints the command, to be tried by hand.",
    ],
  ])("%s", (_what, { code = 1, stdout = "", stderr = "", end = "by itself" as const }, message) => {
    expect(explain(host, { code, stdout, stderr, end }, 120_000)).toBe(message);
  });
});

describe("why a node was not stopped", () => {
  it.each([
    [
      "one of another cluster",
      { code: 4, stderr: "pydist-node: 127.0.0.1:9000 has a different secret than this process.\n" },
      "what listens at port 9000 there has another secret or another cluster, and was left alone. If it is to be stopped, do " +
        "so with its own, --secret-file and --cluster.",
    ],
    [
      "one that hangs",
      { code: 3, stderr: "pydist-node: 127.0.0.1:9000 did not answer within 3000 ms. Check the address.\n" },
      "what listens at port 9000 there says nothing. If it is its node, that hangs; this ends its processes, with what " +
        "they run: ssh me@n1 \"pkill -9 -f '[-]-detach .local/state/pydist/node-9000.log'\"",
    ],
    ["no node at all", { code: 3, stderr: "pydist-node: 127.0.0.1:9000 is no node.\n" }, "127.0.0.1:9000 is no node."],
    ["all else is as with any command", { code: 1, stderr: "pydist-node: No.\n" }, undefined],
  ])("%s", (_what, { code, stderr }, message) => {
    expect(notStopped(host, { code, stdout: "", stderr, end: "by itself" })).toBe(message);
  });
});
