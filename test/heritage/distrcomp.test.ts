import { type Comm, spmd } from "@pydist/messaging";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { folderOf } from "../support/folders.js";
import { makeHome, runCli, spawnTree } from "../support/processes.js";

/*
 * The walk-through of DistrComp's page, step by step: workers on all machines; a program that is sent there with the files
 * that it needs, is prepared, and is run by all at once; what each has written, under its name, and the total time; and a
 * program in ranks that know their number, and send and receive round a ring.
 */

const machines = ["master", "worker-1", "worker-2"];

/** A node on each machine: the worker that listens, which here also has to agree to run programs. */
function workers() {
  const worker = (name: string) => ({ name, workers: 1, args: ["--allow-exec"] });
  return spawnTree({ ...worker("master"), children: [worker("worker-1"), worker("worker-2")] });
}

it("a program with its files on every machine, prepared and run there, and what each has written", async () => {
  const tree = await workers();
  const files = folderOf({
    "main.mjs": `
      import { greeting } from "./header.mjs";
      console.log(greeting + " one of " + process.env.PYDIST_RUN_COUNT);`,
    "header.txt": `export const greeting = "hello from";`,
  });
  const prepareAndRun = "cp header.txt header.mjs && node main.mjs";
  const command = ["run", "--all", "--files", files, tree.address, "--", "sh", "-c", prepareAndRun];
  const { code, stdout, stderr } = await runCli(command);
  expect(stdout.trimEnd().split("\n").sort()).toEqual(machines.map((name) => `[${name}] hello from one of 3`));
  expect(stderr).toMatch(/^3 nodes, none failed\. Total time \d.*\.\n$/);
  expect(code).toBe(0);

  // Its page calls itself a serious security hole: here nobody without the key gets that far.
  const stranger = await runCli(command, { home: makeHome() });
  expect(stranger).toMatchObject({ code: 4, stdout: "" });
});

it("ranks that know their number, and send and receive round a ring", async () => {
  const tree = await workers();
  const executor = attach(tree.address);
  await executor.waitForNodes(machines.length);
  const ring = async (comm: Comm): Promise<string> => {
    await comm.send((comm.rank + 1) % comm.size, comm.rank);
    const previous = (await comm.recv({ from: (comm.rank + comm.size - 1) % comm.size })) as number;
    return `Next to ${previous} is ${comm.rank}`;
  };
  const lines = await spmd(executor, ring, { ranks: machines.length });
  expect(lines).toEqual(["Next to 2 is 0", "Next to 0 is 1", "Next to 1 is 2"]);
});
