import { VERSION } from "pydist-node";
import { describe, expect, it } from "vitest";
import { runCli } from "../support/processes.js";

describe("a mistake on the command line is one sentence on stderr, and exit code 2", () => {
  it.each([
    ["an unknown command", ["spwan"], "Unknown command 'spwan'. Did you mean spawn?"],
    ["a command like no other", ["frobnicate"], "Unknown command 'frobnicate'. See pydist-node --help."],
    ["an unknown flag", ["spawn", "--prot", "1"], "Unknown option '--prot'. Did you mean --port?"],
    ["a flag like no other", ["tree", "--xyzzy"], "Unknown option '--xyzzy'. See pydist-node tree --help."],
    [
      "a flag without its value",
      ["spawn", "--name"],
      "Option '--name <NAME>' argument missing. See pydist-node spawn --help.",
    ],
    [
      "an argument too many",
      ["spawn", "x"],
      "Too many arguments for 'spawn'. Expected 0 arguments but got 1. See pydist-node spawn --help.",
    ],
    [
      "a secret among the arguments",
      ["spawn", "--secret", "x"],
      "Unknown option '--secret'. See pydist-node spawn --help.",
    ],
    ["a port that is no number", ["spawn", "--port", "http"], '--port: "http" is not a whole number from 0 to 65535.'],
    ["a port beyond the last", ["spawn", "--port", "65536"], "--port: 65536 is not a whole number from 0 to 65535."],
    ["a negative number", ["spawn", "--workers=-1"], "--workers: -1 is not a whole number from 0 to 4096."],
    ["a fraction", ["spawn", "--hop-limit", "1.5"], '--hop-limit: "1.5" is not a whole number from 0 to 1000.'],
    ["no tasks", ["spawn", "--tasks-per-worker", "0"], "--tasks-per-worker: 0 is not a whole number from 1 to 65536."],
    [
      "no memory",
      ["spawn", "--worker-memory", "31"],
      "--worker-memory: 31 is not a whole number from 32 to 1073741824.",
    ],
    ["no time", ["tree", "--connect-timeout", "0"], "--connect-timeout: 0 is not a whole number from 1 to 2147483647."],
    [
      "an empty name",
      ["spawn", "--name", ""],
      '--name: "" is not a name: 1 to 255 characters, none of them a control character.',
    ],
    ["an empty path", ["tree", "--secret-file", ""], '--secret-file: "" is not a path.'],
    [
      "a level with a typo",
      ["spawn", "--log-level", "inof"],
      '--log-level: "inof" is none of trace, debug, info, warn, error, fatal, silent. Did you mean "info"?',
    ],
    [
      "a host with a port",
      ["spawn", "--host", "a:1"],
      '--host: "a:1" is not a host. Write a name or an IP address; the port has a flag of its own, --port.',
    ],
    [
      "a URL",
      ["spawn", "--parent", "http://a"],
      '--parent: "http://a" is not an address. Write host:port, for example 127.0.0.1:9000, node7.example.org:9000 or [::1]:9000.',
    ],
    ["one bad address of two", ["tree", "a:1,b:70000"], 'ADDRESS: The port in "b:70000" is 70000; ports end at 65535.'],
    [
      "port 0 of somebody else",
      ["spawn", "--parent", "a:0"],
      '--parent: "a:0" has port 0, at which nobody can be reached. Write the real port.',
    ],
    [
      "port 0 to be advertised",
      ["spawn", "--advertise", "a:0"],
      '--advertise: "a:0" has port 0, at which nobody can be reached. Write the real port.',
    ],
  ])("%s", async (_what, args, sentence) => {
    expect(await runCli(args)).toEqual({ code: 2, signal: null, stdout: "", stderr: `pydist-node: ${sentence}\n` });
  });
});

describe("help", () => {
  it("begins with examples", async () => {
    const { code, stdout, stderr } = await runCli(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Examples:\n {2}pydist-node spawn /);
    for (const name of ["spawn", "tree", "status", "drain", "resume", "stop", "secret", "doctor"])
      expect(stdout).toMatch(new RegExp(`^ {2}${name} `, "m"));
  });

  it.each(["spawn", "tree", "status", "drain", "resume", "stop", "secret", "doctor"])(
    "of %s begins with its examples",
    async (name) => {
      const { code, stdout } = await runCli([name, "--help"]);
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^Examples:\\n {2}pydist-node ${name}`));
      expect(stdout).toContain(`Usage: pydist-node ${name} [options]`);
    },
  );

  it("names each flag's variable and default", async () => {
    const { stdout } = await runCli(["spawn", "--help"]);
    const text = stdout.replace(/\s+/g, " ");
    expect(text).toContain("--port <PORT> where to listen; 0 for any free port (default 9000, PYDIST_PORT)");
    expect(text).toContain("--hop-limit <N> no task travels more links below this node (default 16, PYDIST_HOP_LIMIT)");
    expect(text).toContain("(PYDIST_NO_SUPERVISE)");
  });

  it("is what a call without a command gets, as a mistake", async () => {
    const { code, stdout, stderr } = await runCli([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^Examples:/);
  });
});

it("--version prints the version of the package", async () => {
  expect(await runCli(["--version"])).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
});
