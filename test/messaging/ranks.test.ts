import { type Comm, spmd } from "@pydist/messaging";
import { expect, it } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";

describeExecutors("ranks", (open) => {
  it("know who they are, and pass a value round the ring", async () => {
    const executor = await open();
    const lines = await spmd(
      executor,
      async (comm: Comm, word: string) => {
        await comm.send((comm.rank + 1) % comm.size, `Next to ${comm.rank}`);
        const heard = await comm.recv({ from: (comm.rank + comm.size - 1) % comm.size });
        return `${word}: ${heard} is ${comm.rank} of ${comm.size}`;
      },
      { ranks: 2, args: ["ring"] },
    );
    expect(lines).toEqual(["ring: Next to 1 is 0 of 2", "ring: Next to 0 is 1 of 2"]);
  });
});
