import { describe, expect, it } from "vitest";
import { wordJob } from "../../../packages/launch/dist/batch/options.js";
import { pbs } from "../../../packages/launch/dist/batch/pbs.js";
import { slurm } from "../../../packages/launch/dist/batch/slurm.js";
import { folderOf } from "../../support/folders.js";
import { fileHome, runCli } from "../../support/processes.js";
import { BatchSystem } from "./stand-in.js";

const PARENT = ["--parent", "login1:9000"];

/** What the flags are refused with. */
async function refused(
  given: Readonly<Record<string, string>>,
  dialect = slurm,
  rest: readonly string[] = [],
): Promise<string> {
  const values = {
    parent: ["login1:9000"],
    secretFile: undefined,
    cluster: "default",
    reconnect: undefined,
    drainGrace: 30_000,
    json: false,
  };
  const sources = {
    parent: "flag",
    secretFile: "default",
    cluster: "default",
    reconnect: "default",
    drainGrace: "default",
    json: "default",
  } as const;
  const lists = Object.fromEntries(Object.entries({ count: "1", ...given }).map(([flag, value]) => [flag, [value]]));
  const call = { values, sources, given: lists, switches: new Set<string>(), operand: "", rest };
  const error = await wordJob(call, dialect).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "UsageError" });
  return (error as Error).message;
}

describe("a value that a batch system or its shell would read otherwise", () => {
  it.each([
    [{ count: "0" }, '--count: "0" is not a whole number from 1 to 100000.'],
    [{ count: "8x" }, '--count: "8x" is not a whole number from 1 to 100000.'],
    [{ cores: "1.5" }, '--cores: "1.5" is not a whole number from 1 to 4096.'],
    [
      { name: "7up" },
      '--name: "7up" is no name for a batch job: it begins with a letter; up to 62 letters, digits, dots, dashes and underscores follow.',
    ],
    [{ name: "a$(id)" }, /^--name: "a\$\(id\)" is no name/],
    [
      { time: "30" },
      '--time: "30" is no time. Write 90m, 1h30m, 2d, 01:30:00 or 1-12:00:00; a bare number would be minutes for Slurm, and seconds for PBS and Grid Engine.',
    ],
    [{ time: "1:30" }, /^--time: "1:30" is no time/],
    [{ time: "00:00:00" }, /^--time: "00:00:00" is no time/],
    [{ time: "" }, /^--time: "" is no time/],
    [
      { time: "1m" },
      "--time: 60 s are too short: nodes in Slurm begin to leave up to 95 s before the end. Give them more, or make --drain-grace shorter.",
    ],
    [
      { memory: "4" },
      '--memory: "4" is no size of memory. Write 512M, 4G or 1T; a bare number would be MiB for Slurm, and bytes for PBS and Grid Engine.',
    ],
    [{ memory: "0G" }, /^--memory: "0G" is no size/],
    [{ memory: "4GX" }, /^--memory: "4GX" is no size/],
    [{ mailType: "start" }, '--mail-type: "start" is not made of begin, end, fail, with commas between, or all.'],
    [
      { mailUser: "a b" },
      '--mail-user: "a b" cannot stand in a batch script: write it without blanks, quotes, backslashes, # and control characters.',
    ],
    [{ queue: "q\n#SBATCH --uid=0" }, /^--queue: "q\\n#SBATCH --uid=0" cannot stand/],
    [{ partition: "" }, /^--partition: "" cannot stand/],
    [{ account: "a'b" }, /^--account: .* cannot stand/],
    [{ output: "a b" }, /^--output: .* cannot stand/],
    [{ error: "e#" }, /^--error: .* cannot stand/],
    [{ directive: "-q x\nrm -rf /" }, '--directive: "-q x\\nrm -rf /" is not one line of text.'],
    [{ setup: "a\rb" }, /^--setup: .* is not one line of text/],
    [{ command: "" }, /^--command: "" is not one line of text/],
    [
      { command: "npx pydist-node" },
      '--command: "npx pydist-node" keeps the signal before the end from the node: npm stays between, and where its shell is ' +
        "dash it hands no signal on. Name the file that npx would run, by its path: " +
        "--command /shared/project/node_modules/.bin/pydist-node.",
    ],
    [{ command: "A=b exec /usr/bin/npm exec pydist-node" }, /^--command: .* keeps the signal before the end/],
    [{ partition: "a", queue: "b" }, "--partition and --queue are the same. Give one of them."],
  ])("%j is refused by name", async (given, message) => {
    const said = await refused(given as Record<string, string>);
    if (typeof message === "string") expect(said).toBe(message);
    else expect(said).toMatch(message);
  });

  it("so is a flag for spawn", async () => {
    expect(await refused({}, slurm, ["--cache-dir", "a\nb"])).toBe('behind --: "a\\nb" is not one line of text.');
  });

  it.each([
    ["--nosuch", "Behind --: Unknown option '--nosuch'. See pydist-node spawn --help."],
    ["--workers=x", 'Behind --: --workers: "x" is not a whole number from 0 to 4096.'],
    ...["--name=x", "--parent=h:1", "--secret-file=x", "--cluster=x", "--reconnect=1m", "--drain-grace=1"].map(
      (flag) => [flag, `Behind --: ${flag.replace(/=.*/, "")} cannot stand there. Give it in front of the --.`],
    ),
    [
      "--await-parent",
      "Behind --: --await-parent cannot stand there. A node of a job dials its parent, which --parent names.",
    ],
    ["--detach=x", "Behind --: --detach cannot stand there. A job is over when its command is; its output is its log."],
  ])("%s behind -- is refused before anything is submitted", async (flag = "", message = "") => {
    expect(await refused({}, slurm, [flag])).toBe(message);
  });

  it("times that are too short are no longer than the dialect needs", async () => {
    expect(await refused({ time: "35s" }, pbs)).toBe(
      "--time: 35 s are too short: nodes in PBS begin to leave up to 35 s before the end. Give them more, or make --drain-grace shorter.",
    );
  });
});

describe("launch slurm", () => {
  const launch = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(["launch", "slurm", ...args], { env });

  it.each([
    [PARENT, "How many nodes should there be? Give --count, as in --count 8."],
    [
      ["--count", "8"],
      "Whom should the nodes join? Give --parent HOST:PORT of a node that they can reach: pydist-node spawn --host 0.0.0.0 starts one.",
    ],
  ])("%j: asks for what it needs", async (args, message) => {
    expect(await launch(args)).toMatchObject({ code: 2, stdout: "", stderr: `pydist-node: ${message}\n` });
  });

  it("tells its own defaults in its help", async () => {
    const help = (await launch(["--help"])).stdout.replaceAll(/\s+/g, " ");
    expect(help).toContain("tried in order. Always needed (PYDIST_PARENT)");
    expect(help).toContain("or forever; by default 10m (PYDIST_RECONNECT)");
    expect(help).toContain("asked to leave; by default 20000 (PYDIST_DRAIN_GRACE)");
  });

  it("gives no secret from a variable away", async () => {
    const ended = await launch(["--count", "1", ...PARENT, "--dry-run"], {
      PYDIST_SECRET: fileHome().secret as string,
    });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toBe(
      "pydist-node: The secret is in the variable PYDIST_SECRET, which batch systems would keep where others may read it. " +
        "Write it into a file with mode 600 that the nodes can read, and name that with --secret-file.\n",
    );
  });

  it("says where the commands of the batch system are", async () => {
    const ended = await launch(["--count", "1", ...PARENT], { PATH: folderOf({}) });
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toBe(
      "pydist-node: sbatch is not here: none is in PATH. Launch where Slurm's commands are, which mostly is a login node; " +
        "--dry-run prints what would be submitted.\n",
    );
  });

  it("warns of a parent whom only this machine can reach", async () => {
    const ended = await launch(["--count", "1", "--parent", "localhost:9000", "--dry-run"]);
    expect(ended.code).toBe(0);
    expect(ended.stderr).toBe(
      "pydist-node: localhost:9000 is this machine only: nodes on other machines find nobody there. " +
        "Start the parent with --host 0.0.0.0, and give --parent the name or address by which they reach this machine.\n",
    );
  });
});

describe("a batch system that does not take the job", () => {
  it("is quoted", async () => {
    const system = await BatchSystem.open("slurm");
    system.refusal = () => ({ code: 1, stdout: "", stderr: "sbatch: error: invalid partition specified: x\n" });
    const ended = await system.launch(["--count", "4", ...PARENT, "--partition", "x"]);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toBe(
      "pydist-node: Slurm did not take the job: sbatch ended with exit code 1 and said: sbatch: error: invalid partition specified: x\n",
    );
  });

  it("is quoted, too, when it prints no id", async () => {
    const system = await BatchSystem.open("slurm");
    system.refusal = () => ({ code: 0, stdout: "Thank you.\n", stderr: "" });
    const ended = await system.launch(["--count", "4", ...PARENT]);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toBe(
      'pydist-node: sbatch ended well, but printed no job id: it said "Thank you.". Look with Slurm\'s own commands.\n',
    );
  });

  it("is asked no more, and what it took before is told", async () => {
    const system = await BatchSystem.open("pbs");
    system.refusal = () =>
      system.calls.length > 2
        ? { code: 159, stdout: "", stderr: "qsub: would exceed queue's per-user limit\n" }
        : undefined;
    const ended = await system.launch(["--count", "4", "--json", ...PARENT]);
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toEqual({
      system: "pbs",
      jobs: ["1.server", "2.server"],
      error:
        "PBS did not take the job: qsub ended with exit code 159 and said: qsub: would exceed queue's per-user limit",
    });
    expect(system.calls).toHaveLength(3);
  });

  it("is not given the secret", async () => {
    const system = await BatchSystem.open("sge");
    system.refusal = () => ({ code: 0, stdout: "7\n", stderr: "" });
    const { secret, secretFile } = fileHome();
    const ended = await system.launch(["--count", "1", ...PARENT, "--secret-file", secretFile], {
      PYDIST_SECRET: secret as string,
    });
    expect(ended).toMatchObject({ code: 0, stdout: "7\n" });
    expect(system.calls).toHaveLength(1);
    expect(JSON.stringify(system.calls)).not.toContain(secret);
    expect(system.calls[0]?.script).toContain(`--secret-file ${secretFile}`);
  });
});
