import {
  BodiesBuilder,
  countOf,
  decodeFrame,
  encodeArguments,
  encodeFrame,
  type Frame,
  outcomeAt,
  unpackBodies,
} from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { dialUntil, type LinkLike, resolveSecret, VERSION } from "pydist-node";

/** A peer that holds the secret and says only what its test has it say. */
export interface RawPeer {
  readonly link: LinkLike;
  /** Frames that came, and their payloads, in order. */
  readonly heard: { readonly frame: Frame; readonly payload: Uint8Array }[];
  /** The first frame of that kind, come or yet to come. */
  next<K extends Frame["t"]>(kind: K): Promise<{ frame: Extract<Frame, { t: K }>; payload: Uint8Array }>;
  /** The outcomes of the tasks of a lease, once there are that many. */
  outcomes(lease: number, count: number): Promise<number[]>;
  say(frame: Frame): void;
  /** Sends a batch of `count` calls of this function, with 0, 1, 2 ... */
  sendTasks(lease: number, fn: (n: number) => unknown, count?: number): { hash: string; text: string };
}

export async function rawPeer(address: string, secretFile: string, role: "node" | "executor"): Promise<RawPeer> {
  const { key, source } = await resolveSecret({ secretFile, env: {}, mayGenerate: false });
  const id = `raw-${Math.random()}`;
  const hello = { version: VERSION, role, id, name: "raw", cluster: "default", workers: 1 } as const;
  const link = await dialUntil([address], { key, secretSource: source, hello });
  const heard: RawPeer["heard"] = [];
  const news = new EventTarget();
  link.on("message", (bytes) => {
    heard.push(decodeFrame(bytes));
    news.dispatchEvent(new Event("frame"));
  });
  const more = (): Promise<unknown> =>
    new Promise((resolve) => news.addEventListener("frame", resolve, { once: true }));
  const say = (frame: Frame): void => void link.send(encodeFrame(frame));
  return {
    link,
    heard,
    say,
    async next(kind) {
      for (;;) {
        const found = heard.find(({ frame }) => frame.t === kind);
        if (found !== undefined) return found as never;
        await more();
      }
    },
    async outcomes(lease, count) {
      for (;;) {
        const outcomes: number[] = [];
        for (const { frame, payload } of heard) {
          if (frame.t !== "results" || frame.lease !== lease) continue;
          const bodies = unpackBodies(payload);
          for (let i = 0; i < countOf(bodies); i++) outcomes[frame.from + i] = outcomeAt(bodies, i);
        }
        if (Object.keys(outcomes).length >= count) return outcomes;
        await more();
      }
    },
    sendTasks(lease, fn, count = 1) {
      const { hash, text } = ship(fn);
      const bodies = new BodiesBuilder();
      for (let n = 0; n < count; n++) bodies.add(encodeArguments([n]));
      const limits = { hops: 16, travelled: 0, priority: 0, attempts: 3, attempt: 1, depth: 0, grace: 1000 };
      const head = { code: hash, name: "f", executor: id, batch: lease, first: 0, ...limits };
      link.send(encodeFrame({ t: "tasks", lease, head }, bodies.build()));
      return { hash, text };
    },
  };
}
