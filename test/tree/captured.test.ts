import { countOf, MOST_INLINE_BYTES, unpackBodies } from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { Engine } from "pydist-node";
import { afterEach, describe, expect, it } from "vitest";
import { capturedOf, capturing, engineOptions, type Program, programWith } from "../support/captured.js";
import { type Heard, hang, RawEnd } from "./raw-end.js";

const open: Engine[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((engine) => engine.close("the test is over")));
});

function program(id = "program"): Program {
  const made = programWith(id);
  open.push(made.engine);
  return made;
}

function node(): Engine {
  const made = new Engine(engineOptions("node"));
  open.push(made);
  return made;
}

const f = (n: number): number => n;

function bytesIn({ frame, payload }: Heard): Buffer {
  expect(frame).toMatchObject({ t: "code", payload: "bytes" });
  return Buffer.from(payload);
}

describe("what a function captured", () => {
  it("rides in the header up to 4 KiB, and travels by its hash beyond", async () => {
    const { engine, dispatcher } = program();
    const leaf = RawEnd.below(engine, "leaf", { slots: [16] });
    const [few, many] = [capturedOf(MOST_INLINE_BYTES, "shared"), capturedOf(MOST_INLINE_BYTES + 1)];
    for (const code of [capturing(f, few), capturing(f, many), ship(f)]) void dispatcher.submit(code, [1], undefined);
    const tasks = await leaf.tasks(3);
    expect(tasks.map(({ frame }) => frame.head.captured)).toEqual([
      { hash: few.hash, state: "shared", inline: Buffer.from(few.bytes).toString("base64") },
      { hash: many.hash, state: "fresh" },
      undefined,
    ]);
    expect((await leaf.ask(few.hash)).frame.t).toBe("noCode");
    expect(bytesIn(await leaf.ask(many.hash)).equals(many.bytes)).toBe(true);
  });

  it("is what calls of one tick have in common, if they travel together", async () => {
    const { engine, dispatcher } = program();
    const leaf = RawEnd.below(engine, "leaf", { slots: [16] });
    const [a, b] = [capturedOf(100), capturedOf(100)];
    const codes = [a, b, a, b, { ...a }].map((captured) => capturing(f, captured));
    for (const code of [...codes, ship(f)]) void dispatcher.submit(code, [1], { priority: 1 });
    const sizeOf = ({ payload }: Heard): number => countOf(unpackBodies(payload));
    let tasks = await leaf.tasks();
    while (tasks.reduce((sum, each) => sum + sizeOf(each), 0) < 6) tasks = await leaf.tasks(tasks.length + 1);
    const counts: Record<string, number> = {};
    for (const each of tasks) {
      const { batch, captured } = each.frame.head;
      const key = `${batch} ${captured?.hash}`;
      counts[key] = (counts[key] ?? 0) + sizeOf(each);
    }
    expect(counts).toEqual({ [`1 ${a.hash}`]: 3, [`2 ${b.hash}`]: 2, "3 undefined": 1 });
  });

  it("passes through a node once, whoever lacks it and however late they join", async () => {
    const { engine, dispatcher } = program();
    const middle = node();
    const { heard } = hang(middle, engine, "executor");
    const leaves = ["a", "b"].map((id) => RawEnd.below(middle, id)) as [RawEnd, RawEnd];
    const captured = capturedOf(200_000);
    const map = dispatcher.submit(capturing(f, captured), [1], undefined);
    await Promise.race(leaves.map((leaf) => leaf.tasks()));
    for (const given of await Promise.all(leaves.map((leaf) => leaf.ask(captured.hash)))) {
      expect(bytesIn(given).equals(captured.bytes)).toBe(true);
    }
    const late = RawEnd.below(middle, "late");
    expect(bytesIn(await late.ask(captured.hash)).equals(captured.bytes)).toBe(true);
    expect(heard.filter(({ t }) => t === "needCode")).toHaveLength(1);
    for (const leaf of leaves) leaf.settle();
    expect(await map).toBe("done");
    // Others may name it still.
    expect((await late.ask(captured.hash)).frame.t).toBe("code");
  });

  it("may be had from another program that named it, if one lacks it or goes", async () => {
    const middle = node();
    const programs = [program("first"), program("second"), program("third")];
    const above = programs.map(({ engine }) => hang(middle, engine, "executor"));
    const leaf = RawEnd.below(middle, "leaf");
    const captured = capturedOf(5000);
    for (const { dispatcher } of programs) void dispatcher.submit(capturing(f, captured), [1], undefined);
    await leaf.tasks();
    // The last that named it would be asked first.
    programs[2]?.engine.letGo(captured.hash);
    above[1]?.link.terminate("gone");
    expect(bytesIn(await leaf.ask(captured.hash)).equals(captured.bytes)).toBe(true);
  });

  it("is refused with other bytes than those of its hash, and had from elsewhere", async () => {
    const middle = node();
    const leaf = RawEnd.below(middle, "leaf");
    const [broken, sound] = [RawEnd.above(middle, "broken"), RawEnd.above(middle, "sound")];
    const captured = capturedOf(10_000_000);
    const named = { code: ship(f).hash, captured: { hash: captured.hash, state: "fresh" } } as const;
    broken.sendTask(1, named);
    await leaf.tasks();
    const answer = leaf.ask(captured.hash);
    await broken.next(1, ({ t }) => t === "needCode");
    sound.sendTask(1, named);
    await sound.next(1, ({ t }) => t === "needCode");
    broken.say({ t: "code", hash: captured.hash, payload: "bytes" }, captured.bytes.subarray(1));
    expect(await broken.link.closed).toMatchObject({ detail: "a frame could not be understood" });
    sound.say({ t: "code", hash: captured.hash, payload: "bytes" }, captured.bytes);
    expect(bytesIn(await answer).equals(captured.bytes)).toBe(true);
  });

  it("is asked of everyone above, once so much was named that nobody knows by whom", async () => {
    const middle = node();
    const [silent, sound] = [RawEnd.above(middle, "silent"), RawEnd.above(middle, "sound")];
    const leaf = RawEnd.below(middle, "leaf");
    const code = ship(f).hash;
    const hashOf = (n: number): string => n.toString(16).padStart(64, "0");
    for (let n = 1; n <= 10_001; n++) {
      sound.sendTask(n, { code, captured: { hash: hashOf(n), state: "fresh" } });
    }
    await leaf.tasks();
    leaf.say({ t: "needCode", hash: hashOf(1) });
    for (const end of [silent, sound]) {
      const [asked] = await end.next(1, ({ t }) => t === "needCode");
      expect(asked?.frame).toEqual({ t: "needCode", hash: hashOf(1) });
    }
    const from = leaf.heard.length;
    for (const end of [silent, sound]) end.say({ t: "noCode", hash: hashOf(1), why: "it forgot" });
    const [answer] = await leaf.next(1, ({ t }) => t === "noCode", from);
    expect(answer?.frame).toMatchObject({ why: "it forgot" });
  });
});
