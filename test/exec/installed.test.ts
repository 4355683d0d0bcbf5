import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { asInstalled } from "../support/as-installed.js";
import { spawnNode } from "../support/processes.js";
import { runProgram } from "../support/programs.js";

const PROGRAM = `
import { exec } from "@pydist/exec";
import { ClusterExecutor } from "pydist";

const executor = new ClusterExecutor();
try {
  const { nodes } = await exec(executor, ["node", "-p", "process.cwd()"]);
  console.log(nodes[0].stdout);
} finally {
  await executor.shutdown();
}
`;

it("programs run on nodes by what the program has installed, whatever they have themselves", async () => {
  const { program, copy } = asInstalled(PROGRAM, "@pydist/exec", ["pydist", "pydist-node"]);
  // This one is told apart from any other by how it names its folders.
  const guardian = join(copy, "dist/guardian.js");
  writeFileSync(guardian, readFileSync(guardian, "utf8").replace("pydist-run-", "pydist-run-of-the-copy-"));

  const { address } = await spawnNode({ args: ["--allow-exec"] });
  expect(await runProgram(pathToFileURL(program), { env: { PYDIST_ADDRESS: address } })).toEqual({
    code: 0,
    stdout: expect.stringContaining("pydist-run-of-the-copy-"),
    stderr: "",
  });
});
