import { cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { folderOf } from "../support/folders.js";
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

/** Where the package is that a package of this repository is given for that name. */
function folderAt(name: string): string {
  return realpathSync(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)));
}

it("programs run on nodes by what the program has installed, whatever they have themselves", async () => {
  const folder = folderOf({ "program.mjs": PROGRAM });
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@pydist"), { recursive: true });
  // As npm lays it out: a copy in node_modules, and pydist beside it.
  const copy = join(modules, "@pydist/exec");
  cpSync(folderAt("@pydist/exec"), copy, { recursive: true, filter: (file) => !file.endsWith("node_modules") });
  for (const name of ["pydist", "pydist-node"]) symlinkSync(folderAt(name), join(modules, name));
  // This one is told apart from any other by how it names its folders.
  const guardian = join(copy, "dist/guardian.js");
  writeFileSync(guardian, readFileSync(guardian, "utf8").replace("pydist-run-", "pydist-run-of-the-copy-"));

  const { address } = await spawnNode({ args: ["--allow-exec"] });
  expect(await runProgram(pathToFileURL(join(folder, "program.mjs")), { env: { PYDIST_ADDRESS: address } })).toEqual({
    code: 0,
    stdout: expect.stringContaining("pydist-run-of-the-copy-"),
    stderr: "",
  });
});
