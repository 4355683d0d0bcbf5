import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { asInstalled } from "../support/as-installed.js";
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

it("ranks run on nodes that have never heard of the package, which the program has installed", async () => {
  const { program } = asInstalled(PROGRAM, "@pydist/messaging", ["pydist", "@pydist/protocol", "@pydist/shipping"]);

  const tree = await spawnTree({ name: "root", children: [{ name: "leaf" }] });
  const env = { PYDIST_ADDRESS: tree.address };
  expect(await runProgram(pathToFileURL(program), { env })).toEqual({
    code: 0,
    stdout: "10 10\n",
    stderr: "",
  });
});
