// Every rank tells the next one who it is, on this machine or on the cluster at PYDIST_ADDRESS.
import { parseArgs } from "node:util";
import { spmd } from "@pydist/messaging";
import { ClusterExecutor } from "pydist";
import { wholeNumber } from "../options.mjs";

const { values } = parseArgs({ options: { ranks: { type: "string", default: "2" } } });
const ranks = wholeNumber("ranks", values.ranks);

const ring = async (comm) => {
  const next = (comm.rank + 1) % comm.size;
  const previous = (comm.rank + comm.size - 1) % comm.size;
  await comm.send(next, comm.rank);
  return `Next to ${await comm.recv({ from: previous })} is ${comm.rank}`;
};

// One slot for each rank, if there is no cluster that has them.
const embedded = process.env.PYDIST_ADDRESS === undefined ? { maxWorkers: ranks } : {};
const executor = new ClusterExecutor(embedded);
try {
  for (const line of await spmd(executor, ring, { ranks })) console.log(line);
} finally {
  await executor.shutdown();
}
