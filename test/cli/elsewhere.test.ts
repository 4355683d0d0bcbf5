import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { loadElsewhere } from "../../packages/pydist-node/dist/cli/elsewhere.js";
import { folderOf } from "../support/folders.js";
import { runCli } from "../support/processes.js";

const program = new URL("../../packages/pydist-node/dist/cli/program.js", import.meta.url).href;
const extension = new URL("../../packages/pydist-node/dist/cli/extension.js", import.meta.url).href;

/** `pydist-node` with a subcommand `demo` that a package in this folder brings. */
const project = folderOf({
  "main.mjs": `
    import { runProgram } from ${JSON.stringify(program)};
    const elsewhere = {
      demo: { package: "@pydist/demo", summary: "show what it was called with" },
      show: { package: "@pydist/demo", summary: "show one or the other" },
      gone: { package: "@pydist/demo", summary: "was there once" },
    };
    process.exitCode = await runProgram(process.argv.slice(2), { own: {}, elsewhere });`,
  "node_modules/@pydist/demo/package.json": {
    name: "@pydist/demo",
    type: "module",
    exports: { "./subcommand": "./subcommand.js" },
  },
  "node_modules/@pydist/demo/subcommand.js": `
    import { printJson, subcommand } from ${JSON.stringify(extension)};
    export const demo = subcommand({
      name: "demo",
      summary: "show what it was called with",
      examples: [{ run: "pydist-node demo -- ls", what: "shows ls" }],
      settings: ["address", "json"],
      operand: { name: "THING", help: "a thing" },
      switches: [{ flag: "--all", help: "all" }, { flag: "--node <NAME>", help: "some" }],
      rest: "COMMAND",
      async run({ values, switches, given, operand, rest }) {
        printJson({ address: values.address, switches: [...switches], given, operand, rest });
        return 7;
      },
    });
    const member = (name) => ({
      [name]: async () => subcommand({
        name,
        summary: "show " + name,
        examples: [{ run: "pydist-node show " + name, what: "shows it" }],
        settings: ["json"],
        switches: [{ flag: "--" + name + "-flag", help: "of its own" }],
        rest: "THING",
        async run({ switches, rest }) {
          printJson({ name, switches: [...switches], rest });
          return 7;
        },
      }),
    });
    export const show = { name: "show", summary: "show one or the other", members: { ...member("left"), ...member("right") } };`,
});

function demo(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["main.mjs", ...args], {
    cwd: project,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

it("a package brings a subcommand, with flags of its own, and what stands behind -- as it is", () => {
  const { status, stdout } = demo(
    "demo",
    "--node",
    "a",
    "thing",
    "h:1",
    "--node",
    "b",
    "--",
    "ls",
    "--node",
    "--",
    "-V",
  );
  expect({ status, called: JSON.parse(stdout) }).toEqual({
    status: 7,
    called: {
      address: ["h:1"],
      switches: [],
      given: { all: [], node: ["a", "b"] },
      operand: "thing",
      rest: ["ls", "--node", "--", "-V"],
    },
  });
  expect(JSON.parse(demo("demo", "thing", "--all").stdout)).toMatchObject({
    switches: ["all"],
    given: { all: [], node: [] },
    rest: [],
  });
});

it("its help is like any other", () => {
  expect(demo("--help").stdout).toMatch(/^ {2}demo +show what it was called with$/m);
  for (const args of [
    ["demo", "--help"],
    ["help", "demo"],
  ]) {
    const { status, stdout } = demo(...args);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: expect.stringContaining("Usage: pydist-node demo [options] THING [ADDRESS] -- COMMAND"),
    });
  }
});

it("a package brings several under one first word, each with its own flags and help", () => {
  const { status, stdout } = demo("show", "left", "--left-flag", "--", "--x");
  expect({ status, called: JSON.parse(stdout) }).toEqual({
    status: 7,
    called: { name: "left", switches: ["leftFlag"], rest: ["--x"] },
  });
  expect(demo("--help").stdout).toMatch(/^ {2}show +show one or the other$/m);
  for (const args of [["show", "--help"], ["help", "show"], ["show"]]) {
    const { stdout, stderr } = demo(...args);
    expect(`${stdout}${stderr}`).toMatch(/^Examples:\n {2}pydist-node show left .+\n {2}pydist-node show right /);
  }
  expect(demo("show", "left", "--help").stdout).toContain("Usage: pydist-node show left [options]");
  expect(demo("show", "rihgt")).toEqual({
    status: 2,
    stdout: "",
    stderr: "pydist-node: Unknown command 'rihgt'. Did you mean right?\n",
  });
  expect(demo("show", "left", "--right-flag")).toEqual({
    status: 2,
    stdout: "",
    stderr: "pydist-node: Unknown option '--right-flag'. See pydist-node show left --help.\n",
  });
});

it("a package that is not installed is named, with the command that installs it", async () => {
  await expect(loadElsewhere("fly", { package: "@pydist/wings", summary: "" })).rejects.toThrow(
    "pydist-node fly is in the package @pydist/wings, which is not installed here. " +
      "Install it: npm install @pydist/wings (with --global if pydist-node is).",
  );
});

it("a package of another release, that lacks the subcommand, is named", () => {
  const { status, stderr } = demo("gone");
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringMatching(
      /^pydist-node: .+subcommand\.js has no command gone\. Install one release of pydist-node and @pydist\/demo\.\n$/,
    ),
  });
});

it("the help lists what packages may bring", async () => {
  const { stdout } = await runCli(["--help"]);
  for (const name of ["run", "submit", "launch", "repl"]) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, "m"));
});
