import { type Comm, spmd } from "@pydist/messaging";
import { expect, it } from "vitest";
import { describePlaces } from "./places.js";

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** A sum whose last digits depend on the order. */
function fractionOf(rank: number): number {
  return 0.1 * 3 ** rank + 1 / (rank + 1);
}

describePlaces("collectives", (open) => {
  it.each(SIZES)("of %i ranks come to what a loop would", async (ranks) => {
    const all = async (comm: Comm, fractions: readonly number[]): Promise<unknown> => {
      const { rank, size } = comm;
      const root = size - 1;
      const add = (a: number, b: number): number => a + b;
      const join = (a: string, b: string): string => a + b;
      return {
        broadcast: await comm.broadcast(rank === 0 ? new Map([["of", rank]]) : undefined),
        broadcastFrom: await comm.broadcast([rank], { root }),
        scatter: await comm.scatter(rank === 0 ? fractions : undefined),
        scatterFrom: await comm.scatter(rank === root ? fractions.map((each) => new Set([each])) : undefined, { root }),
        gather: await comm.gather(new Date(rank)),
        gatherAt: await comm.gather(rank, { root }),
        allGather: await comm.allGather({ rank }),
        reduce: await comm.reduce(fractions[rank] as number, add),
        reduceAt: await comm.reduce(`${rank} `, join, { root: Math.floor(size / 2) }),
        allReduce: await comm.allReduce(fractions[rank] as number, add),
        slowly: await comm.allReduce([rank], async (a, b) => [...a, ...b]),
      };
    };
    const fractions = Array.from({ length: ranks }, (_, rank) => fractionOf(rank));
    const numbers = Array.from({ length: ranks }, (_, rank) => rank);
    const sum = fractions.reduce((a, b) => a + b);
    const outcome = await spmd(open(), all, { ranks, args: [fractions] });
    const expected = numbers.map((rank) => ({
      broadcast: new Map([["of", 0]]),
      broadcastFrom: [ranks - 1],
      scatter: fractions[rank],
      scatterFrom: new Set([fractions[rank]]),
      gather: rank === 0 ? numbers.map((each) => new Date(each)) : undefined,
      gatherAt: rank === ranks - 1 ? numbers : undefined,
      allGather: numbers.map((each) => ({ rank: each })),
      reduce: rank === 0 ? sum : undefined,
      reduceAt: rank === Math.floor(ranks / 2) ? numbers.map((each) => `${each} `).join("") : undefined,
      allReduce: sum,
      slowly: numbers,
    }));
    expect(outcome).toEqual(expected);
  });

  it.each(SIZES)("hold %i ranks at a barrier until the last has come", async (ranks) => {
    const meet = async (comm: Comm): Promise<string> => {
      const last = comm.size - 1;
      let state = "waits";
      const come = async (): Promise<void> => {
        await comm.barrier();
        state = "is past";
      };
      if (comm.rank < last) {
        const past = come();
        // Twice, so that whatever the barrier would let pass has had time to.
        for (let i = 0; i < 2; i++) {
          await comm.recv({ from: last });
          await comm.send(last, state);
        }
        await past;
        return state;
      }
      const told = new Set<unknown>(["waits"]);
      for (let i = 0; i < 2; i++) {
        for (let other = 0; other < last; other++) {
          await comm.send(other, "?");
          told.add(await comm.recv({ from: other }));
        }
      }
      await come();
      return [...told, state].join(", ");
    };
    const expected = [...new Array(ranks - 1).fill("is past"), "waits, is past"];
    expect(await spmd(open(), meet, { ranks })).toEqual(expected);
  });

  it("do not meddle with messages of any tag", async () => {
    const both = async (comm: Comm): Promise<unknown[]> => {
      const other = 1 - comm.rank;
      const any = comm.recv();
      const sum = await comm.allReduce(comm.rank, (a, b) => a + b);
      await comm.send(other, "own");
      return [sum, await any];
    };
    expect(await spmd(open(), both, { ranks: 2 })).toEqual([
      [1, "own"],
      [1, "own"],
    ]);
  });
});
