import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readHostfile } from "../../packages/launch/dist/hosts/hostfile.js";
import { folderOf } from "../support/folders.js";

const fileOf = (text: string): string => join(folderOf({ "peers.txt": text }), "peers.txt");

it("a host file names machines, with ports, workers and users, between comments and blank lines", async () => {
  const file = fileOf(`# DistrComp's peers
10.0.0.2
node7:9001 workers=4   # the big one

me@node8.example.org slots=2\r
[::1]:9002 workers=0
node7:9002
`);
  expect(await readHostfile(file)).toEqual([
    { name: "10.0.0.2", destination: "10.0.0.2", port: 9000, workers: undefined },
    { name: "node7:9001", destination: "node7", port: 9001, workers: 4 },
    { name: "node8.example.org", destination: "me@node8.example.org", port: 9000, workers: 2 },
    { name: "[::1]:9002", destination: "::1", port: 9002, workers: 0 },
    { name: "node7:9002", destination: "node7", port: 9002, workers: undefined },
  ]);
});

const NO_MACHINE =
  "is no machine. Write [user@]host or [user@]host:port, with the port at which its node is to listen (1 to 65535; 9000 if " +
  "there is none); ssh's own port is ssh's to know (~/.ssh/config, or --ssh-option -pPORT).";

describe("a mistake in a host file is named with its line", () => {
  it.each([
    ["a port beyond the last", "a\n\nb:70000\n", `:3: "b:70000" ${NO_MACHINE}`],
    ["port 0", "a:0\n", `:1: "a:0" ${NO_MACHINE}`],
    ["no host", ":9000\n", `:1: ":9000" ${NO_MACHINE}`],
    ["only a user", "me@\n", `:1: "me@" ${NO_MACHINE}`],
    ["a URL", "ssh://a\n", `:1: "ssh://a" ${NO_MACHINE}`],
    ["an option of ssh's", "# x\n-oProxyCommand=sh\n", ':2: "-oProxyCommand=sh" is no machine\'s name.'],
    ["the same for a user", "me@-oProxyCommand=sh\n", ':1: "me@-oProxyCommand=sh" is no machine\'s name.'],
    [
      "a word that is not understood",
      "a worker=4\n",
      ':1: "worker=4" is not understood. Behind a machine stands workers=N, or nothing.',
    ],
    [
      "workers without a number",
      "a workers=all\n",
      ':1: "workers=all" is not understood. Behind a machine stands workers=N, or nothing.',
    ],
    [
      "the same machine twice",
      "a\n# and\nme@b\na:9000 workers=1\n",
      ":4: a:9000 stands in line 1 already. Give a second node there a port of its own, for example a:9001.",
    ],
  ])("%s", async (_what, text, message) => {
    const file = fileOf(text);
    await expect(readHostfile(file)).rejects.toThrow(`${file}${message}`);
  });

  it("a file without machines, and none", async () => {
    const empty = fileOf("# nobody\n");
    await expect(readHostfile(empty)).rejects.toThrow(
      `--hostfile: ${empty} names no machine. Write one on each line, for example node7:9000 workers=4.`,
    );
    await expect(readHostfile("/no/such/file")).rejects.toThrow("--hostfile: /no/such/file cannot be read (ENOENT).");
  });
});
