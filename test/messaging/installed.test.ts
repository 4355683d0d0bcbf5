import { cpSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { folderOf } from "../support/folders.js";
import { spawnTree } from "../support/processes.js";
import { runProgram } from "../support/programs.js";

const PROGRAM = `
import { spmd } from "@pydist/messaging";
import { ClusterExecutor } from "pydist";

const executor = new ClusterExecutor();
try {
  await executor.waitForNodes(2);
  const sums = await spmd(executor, (comm, factor) => comm.allReduce(comm.rank * factor, (a, b) => a + b), {
    ranks: 2,
    args: [10],
  });
  console.log(sums.join(" "));
} finally {
  await executor.shutdown();
}
`;

/** Where the package is that a package of this repository is given for that name. */
function folderAt(name: string): string {
  return realpathSync(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)));
}

it("ranks run on nodes that have never heard of the package, which the program has installed", async () => {
  const folder = folderOf({ "program.mjs": PROGRAM });
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@pydist"), { recursive: true });
  // As npm lays it out: a copy in node_modules, and pydist beside it.
  cpSync(folderAt("@pydist/messaging"), join(modules, "@pydist/messaging"), {
    recursive: true,
    filter: (file) => !file.endsWith("node_modules"),
  });
  for (const name of ["pydist", "@pydist/protocol", "@pydist/shipping"])
    symlinkSync(folderAt(name), join(modules, name));

  const tree = await spawnTree({ name: "root", children: [{ name: "leaf" }] });
  const env = { PYDIST_ADDRESS: tree.address };
  expect(await runProgram(pathToFileURL(join(folder, "program.mjs")), { env })).toEqual({
    code: 0,
    stdout: "10 10\n",
    stderr: "",
  });
});
