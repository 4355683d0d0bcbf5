import { type Comm, spmd } from "@pydist/messaging";
import { registerType } from "pydist";
import { expect, it } from "vitest";
import { nameOfAll } from "../fixtures/ranks.mjs";
import { Money, moneyType } from "../support/money.js";
import { describePlaces } from "./places.js";

registerType(Money, moneyType);

/* Functions travel as text: each says for itself what it needs. */

describePlaces("ranks", (open) => {
  it("know who they are, and pass values round the ring", async () => {
    const ring = async (comm: Comm, word: string): Promise<string> => {
      await comm.send((comm.rank + 1) % comm.size, `Next to ${comm.rank}`);
      const heard = await comm.recv({ from: (comm.rank + comm.size - 1) % comm.size });
      return `${word}: ${heard} is ${comm.rank} of ${comm.size}`;
    };
    const executor = open();
    for (const ranks of [1, 2, 9]) {
      const lines = await spmd(executor, ring, { ranks, args: ["ring"] });
      const expected = Array.from(
        { length: ranks },
        (_, rank) => `ring: Next to ${(rank + ranks - 1) % ranks} is ${rank} of ${ranks}`,
      );
      expect(lines).toEqual(expected);
    }
  });

  it("give each other values of every kind", async () => {
    const makeAll = (): unknown[] => {
      const cyclic: { self?: unknown } = {};
      cyclic.self = cyclic;
      return [
        ...[1, -0, Number.NaN, "text", true, undefined, null, 12n ** 30n, [1, [2]], { a: { b: 1 } }],
        ...[new Date(5), new Map([[{ k: 1 }, new Set([1])]]), /a+/g, new TypeError("told"), cyclic],
        ...[Float64Array.of(Number.NaN, -0), Uint8Array.of(1, 2), new BigInt64Array([1n]), Buffer.from("bytes")],
      ];
    };
    const exchange = async (comm: Comm): Promise<unknown[]> => {
      const { rank, size } = comm;
      const values = makeAll();
      const next = (rank + 1) % size;
      const received = values.map(() => comm.recv({ from: (rank + size - 1) % size, tag: "all" }));
      for (const value of values) await comm.send(next, value, { tag: "all" });
      return Promise.all(received);
    };
    for (const received of await spmd(open(), exchange, { ranks: 4 })) expect(received).toEqual(makeAll());
  });

  it("keep the order of each pair, and find messages by sender and tag", async () => {
    const talk = async (comm: Comm): Promise<unknown[]> => {
      if (comm.rank > 0) {
        for (let i = 0; i < 50; i++) await comm.send(0, `${comm.rank} ${i}`, { tag: i % 2 });
        await comm.send(0, "last", { tag: "end" });
        return [];
      }
      const heard: unknown[] = [];
      // The last of all that a rank sends is read first.
      for (let from = 1; from < comm.size; from++) heard.push(await comm.recv({ from, tag: "end" }));
      for (let from = 1; from < comm.size; from++) {
        for (const tag of [1, 0]) for (let i = 0; i < 25; i++) heard.push(await comm.recv({ from, tag }));
      }
      return heard;
    };
    const [heard] = await spmd(open(), talk, { ranks: 5 });
    const expected: string[] = [1, 2, 3, 4].map(() => "last");
    for (const from of [1, 2, 3, 4]) {
      for (const odd of [1, 0]) for (let i = odd; i < 50; i += 2) expected.push(`${from} ${i}`);
    }
    expect(heard).toEqual(expected);
  });

  it("take from whoever sends first, and are told who that was", async () => {
    const any = async (comm: Comm): Promise<string[]> => {
      if (comm.rank > 0) {
        await comm.send(0, comm.rank * 10, { tag: `of ${comm.rank}` });
        return [];
      }
      const heard: string[] = [];
      for (let i = 1; i < comm.size; i++) {
        const { value, from, tag } = await comm.receive();
        heard.push(`${from}: ${value} ${tag}`);
      }
      return heard.sort();
    };
    const [heard] = await spmd(open(), any, { ranks: 4 });
    expect(heard).toEqual(["1: 10 of 1", "2: 20 of 2", "3: 30 of 3"]);
  });

  it("wait when another does not read, and not for what is read", async () => {
    const press = async (comm: Comm): Promise<number[]> => {
      const quarter = 256 * 1024;
      if (comm.rank === 0) {
        let left = 0;
        const sends = Array.from({ length: 16 }, () =>
          comm.send(1, new Uint8Array(quarter)).then(() => {
            left++;
          }),
        );
        // To itself and to others it is free to send meanwhile.
        await comm.send(2, "go");
        await comm.recv({ from: 1, tag: "before" });
        const before = left;
        await comm.send(2, "read");
        await Promise.all(sends);
        return [before, left];
      }
      if (comm.rank === 2) {
        await comm.recv({ from: 0 });
        await comm.send(1, "go", { tag: "go" });
        await comm.recv({ from: 0 });
        await comm.send(1, "read", { tag: "read" });
        return [];
      }
      await comm.recv({ from: 2, tag: "go" });
      await comm.send(0, null, { tag: "before" });
      await comm.recv({ from: 2, tag: "read" });
      let bytes = 0;
      for (let i = 0; i < 16; i++) bytes += ((await comm.recv({ from: 0 })) as Uint8Array).length;
      return [bytes];
    };
    expect(await spmd(open(), press, { ranks: 3 })).toEqual([[3, 16], [16 * 256 * 1024], []]);
  });

  it("are told when nobody is left to send or to read", async () => {
    const alone = async (comm: Comm): Promise<string[]> => {
      if (comm.rank !== 0) {
        await comm.send(0, "only");
        return [];
      }
      const told: string[] = [];
      const note = (error: Error): void => void told.push(`${error.name}: ${error.message}`);
      await comm.recv({ from: 1 });
      await comm.recv({ from: 1 }).catch(note);
      await comm.send(1, 1).catch(note);
      await comm.recv({ from: 2, tag: 0 });
      await comm.recv().catch(note);
      return told;
    };
    const [told] = await spmd(open(), alone, { ranks: 3 });
    const returned =
      "InvalidStateError: Rank 1 has returned: it takes nothing more and sends nothing more. Let ranks return after what " +
      "they have to do with each other.";
    expect(told).toEqual([
      returned,
      returned,
      "InvalidStateError: All other ranks have returned, so nobody is left who could send what recv waits for.",
    ]);
  });

  it("end only when what they sent has left", async () => {
    const hasty = async (comm: Comm): Promise<number> => {
      if (comm.rank === 0) {
        for (let i = 0; i < 20; i++) void comm.send(1, new Uint8Array(100_000));
        // Larger than all that may be under way: it travels alone.
        void comm.send(1, new Uint8Array(3_000_000));
        return 0;
      }
      let bytes = 0;
      for (let i = 0; i < 21; i++) bytes += ((await comm.recv({ from: 0 })) as Uint8Array).length;
      return bytes;
    };
    expect(await spmd(open(), hasty, { ranks: 2 })).toEqual([0, 5_000_000]);
  });

  it("are told what they did wrong", async () => {
    const wrong = async (comm: Comm): Promise<string[]> => {
      const calls: (() => Promise<unknown>)[] = [
        () => comm.send(1, 1),
        () => comm.send("1" as never, 1),
        () => comm.send(0, () => 1),
        () => comm.send(0, 1, { tag: {} as never }),
        () => comm.recv({ from: -1 }),
        () => comm.recv({ tag: Number.NaN }),
        () => comm.broadcast(1, { root: 7 }),
        () => comm.scatter(1 as never),
        () => comm.scatter([1, 2]),
        () => comm.reduce(1, undefined as never),
      ];
      const told: string[] = [];
      for (const call of calls) await call().catch((error: Error) => told.push(`${error.name}: ${error.message}`));
      return told;
    };
    const [told] = await spmd(open(), wrong, { ranks: 1 });
    expect(told).toEqual([
      "RangeError: send's to is 1; ranks are whole numbers from 0 to 0.",
      "TypeError: send's to is '1'; it must be a rank's number.",
      expect.stringMatching(/^SerializationError: .*message/),
      "TypeError: send's tag is {}; it must be a string or a finite number.",
      "RangeError: recv's from is -1; ranks are whole numbers from 0 to 0.",
      "TypeError: recv's tag is NaN; it must be a string or a finite number.",
      "RangeError: broadcast's root is 7; it must be a rank, from 0 to 0.",
      "TypeError: scatter was given 1; the root gives an array.",
      "RangeError: scatter was given 2 values; the root gives one for each of 1 ranks.",
      "TypeError: reduce's combine is undefined; it must be a function of two values.",
    ]);
  });

  it("give each other instances of registered classes", async () => {
    const pay = async (comm: Comm): Promise<string> => {
      const total = await comm.reduce(new Money(comm.rank + 1), (a, b) => a.plus(b));
      if (comm.rank === 0) await comm.send(1, total);
      const told = comm.rank === 1 ? ((await comm.recv({ from: 0 })) as Money) : total;
      return told === undefined ? "nothing" : `${told instanceof Money} ${told.cents}`;
    };
    expect(await spmd(open(), pay, { ranks: 3 })).toEqual(["true 6", "true 6", "nothing"]);
  });

  it("may be an exported function of a module", async () => {
    expect(await spmd(open(), nameOfAll, { ranks: 2, args: ["rank"] })).toEqual(["rank 0, rank 1", "rank 0, rank 1"]);
  });
});
