import {
  type BatchHeader,
  type Bodies,
  BodiesBuilder,
  bodyAt,
  countOf,
  decodeFailure,
  encodeArguments,
  kindAt,
  outcomeAt,
  packBodies,
} from "@pydist/protocol";
import { type Captured, initializerText, sha256, ship } from "@pydist/shipping";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Known } from "../../packages/pydist-node/dist/pool/known.js";
import type { Texts } from "../../packages/pydist-node/dist/pool/messages.js";
import { Pool } from "../../packages/pydist-node/dist/pool/pool.js";
import { capturedOf } from "../support/captured.js";

/* Functions of this kind do not look at what they captured; but without it, a run does not begin. */

const limits = { hops: 1, travelled: 0, priority: 0, attempts: 3, attempt: 1, depth: 0, grace: 0 };
const addOne = (n: number): number => n + 1;

let pool: Pool;
let lastLease = 0;
const settles = new Map<number, (message: string) => void>();
beforeEach(() => {
  pool = new Pool(
    { node: "n", workers: 1, tasksPerWorker: 1 },
    {
      results: (lease, from, bodies) => {
        for (let i = 0; i < countOf(bodies); i++) settles.get(lease)?.(`${from + i}: ${fateOf(bodies, i)}`);
      },
      started: () => {},
      returned: (lease, ranges) => settles.get(lease)?.(`returned ${ranges}`),
      suspended: () => {},
      ready: () => {},
      said: () => {},
      stray: () => {},
      output: () => {},
      threadDied: () => {},
    },
  );
});
afterEach(() => pool.destroy());

function fateOf(bodies: Bodies, i: number): string {
  if (outcomeAt(bodies, i) === 0) return Buffer.from(bodyAt(bodies, i)).toString();
  return (decodeFailure(kindAt(bodies, i), bodyAt(bodies, i), { node: "n" }) as Error).message;
}

interface Given {
  readonly fn?: (n: number) => unknown;
  readonly captured?: Captured;
  readonly inline?: string;
  readonly initializer?: string;
}

/** Runs one task, and says what came of it. */
function run({ fn = addOne, captured, inline, initializer }: Given): Promise<string> {
  const { hash: code, text } = ship(fn);
  const bodies = new BodiesBuilder();
  bodies.add(encodeArguments([1]));
  const head: BatchHeader = {
    ...{ code, name: "f", executor: "e", batch: 1, first: 0, ...limits },
    ...(initializer === undefined ? {} : { initializer: sha256(initializer) }),
    ...(captured === undefined
      ? {}
      : { captured: { hash: captured.hash, state: captured.state, ...(inline === undefined ? {} : { inline }) } }),
  };
  const texts: Texts = { code: text, initializer, captured: inline === undefined ? captured?.bytes : undefined };
  const lease = ++lastLease;
  const settled = new Promise<string>((resolve) => void settles.set(lease, resolve));
  pool.start(lease, head, bodies.build(), texts);
  return settled;
}

describe("a worker", () => {
  it.each(["fresh", "shared"] as const)("gets what the function captured: %s", async (state) => {
    const captured = capturedOf(5000, state);
    for (let i = 0; i < 3; i++) expect(await run({ captured })).toBe("0: 2");
  });

  it("has it from the header, if it is there, and believes no wrong one", async () => {
    const captured = capturedOf(100);
    expect(await run({ captured, inline: Buffer.from(captured.bytes).toString("base64") })).toBe("0: 2");
    expect(await run({ captured, inline: "AAAA" })).toBe(
      '0: What "f" captured arrived with other bytes than those of its hash. ' +
        "This is a fault of pydist: restart the executor, and report it.",
    );
  });

  it("is given it anew in place of one that ended", async () => {
    const captured = capturedOf(5000);
    expect(await run({ captured })).toBe("0: 2");
    expect(await run({ captured, fn: () => process.exit(3) })).toContain("exit");
    expect(await run({ captured })).toBe("0: 2");
  });

  it("is given it anew once it had to forget it", async () => {
    const [a, b] = [capturedOf(70 * 1024 * 1024), capturedOf(70 * 1024 * 1024)];
    for (const captured of [a, b, a, b]) expect(await run({ captured })).toBe("0: 2");
  });

  it("holds it once, however many of its runs use it at the same time", async () => {
    // Of "fresh" ones each task has its own, made of the bytes.
    const captured = capturedOf(20_000_000, "shared");
    const fn = async (): Promise<number> => {
      // All of them have begun by then.
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      return process.memoryUsage().arrayBuffers;
    };
    const sizes = (await Promise.all(Array.from({ length: 10 }, () => run({ fn, captured })))).map((fate) =>
      Number(fate.replace("0: ", "")),
    );
    expect(Math.max(...sizes)).toBeGreaterThan(20_000_000);
    expect(Math.max(...sizes)).toBeLessThan(60_000_000);
  });

  it("runs an initializer with what it captured", async () => {
    const builder = new BodiesBuilder();
    builder.add(encodeArguments([]));
    const { text: code } = ship(() => {
      Object.assign(globalThis, { initialized: 41 });
    });
    const args = Buffer.from(packBodies(builder.build())).toString("base64");
    const initializer = initializerText({ code, args, captured: capturedOf(5000) });
    const fn = (n: number): number => n + (globalThis as unknown as { initialized: number }).initialized;
    expect(await run({ fn, initializer })).toBe("0: 42");
  });
});

describe("what a thread is given", () => {
  const code = sha256("code");
  const captured = capturedOf(10_000);
  const head: BatchHeader = {
    ...{ code, name: "f", executor: "e", batch: 1, first: 0, ...limits },
    ...{ captured: { hash: captured.hash, state: "fresh" }, initializer: sha256("initializer") },
  };
  const texts: Texts = { code: "code", initializer: "initializer", captured: captured.bytes };
  const nothing = { code: undefined, initializer: undefined, captured: undefined };

  it("is what it is not known to have, each for itself", () => {
    const known = new Known();
    expect(known.lacking(head, texts)).toEqual(texts);
    // Captured values are not sent again while a run has not begun; what it needs of code is.
    expect(known.lacking(head, texts)).toEqual({ ...texts, captured: undefined });
    known.learnt(head);
    expect(known.lacking(head, texts)).toEqual(nothing);
    const other = capturedOf(5000);
    const next = { ...head, captured: { hash: other.hash, state: "fresh" } } as const;
    expect(known.lacking(next, { ...texts, captured: other.bytes })).toEqual({ ...nothing, captured: other.bytes });
    // Each executor's initializer runs once, whatever its text.
    expect(known.lacking({ ...head, executor: "another" }, texts)).toEqual({ ...nothing, initializer: "initializer" });
    known.forget(head, ["captured"]);
    expect(known.lacking(head, texts)).toEqual({ ...nothing, captured: captured.bytes });
    known.forget(head, ["code", "initializer"]);
    expect(known.lacking(head, texts)).toEqual({ ...texts, captured: undefined });
  });

  it("is what was used of late, however much came in between", () => {
    const known = new Known();
    for (let n = 0; n < 1100; n++) {
      const next = { ...head, captured: { hash: sha256(`${n}`), state: "fresh" } } as const;
      known.lacking(next, texts);
      known.learnt(next);
    }
    expect(known.lacking(head, texts)).toEqual({ ...nothing, captured: captured.bytes });
    const first = { ...head, captured: { hash: sha256("0"), state: "fresh" } } as const;
    expect(known.lacking(first, texts).captured).toBeDefined();
  });

  it("takes no more memory along than it needs", () => {
    const part = { ...texts, captured: new Uint8Array(1_000_000).subarray(500_000, 510_000) };
    const { captured: given } = new Known().lacking(head, part);
    expect([given?.length, given?.buffer.byteLength]).toEqual([10_000, 10_000]);
  });
});
