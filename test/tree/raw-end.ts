import {
  type BatchHeader,
  type Bodies,
  BodiesBuilder,
  type Credit,
  countOf,
  decodeFrame,
  encodeArguments,
  encodeFrame,
  encodeValue,
  type Frame,
  unpackBodies,
} from "@pydist/protocol";
import type { Engine, LinkLike } from "pydist-node";
import { type HelloInput, memoryLinks } from "../../packages/pydist-node/dist/links/index.js";

export interface Heard<F extends Frame = Frame> {
  readonly frame: F;
  readonly payload: Uint8Array;
}

function hello(id: string): HelloInput {
  return { version: "0.1.0", role: "node", id, name: id, cluster: "c", workers: 1 };
}

/** Two ends in this process. */
export function ends(a: string, b: string): [LinkLike, LinkLike] {
  return memoryLinks(hello(a), hello(b));
}

/** Hangs a node below a node or an executor. @returns what the upper one hears */
export function hang(below: Engine, above: Engine, role: "node" | "executor"): { heard: Frame[]; link: LinkLike } {
  const [down, up] = ends(below.options.id, above.options.id);
  const heard: Frame[] = [];
  up.on("message", (bytes) => void heard.push(decodeFrame(bytes).frame));
  below.addUpstream(down, { id: above.options.id, name: above.options.name, role });
  above.addChild(up, { id: below.options.id, name: below.options.name, role: "node" });
  return { heard, link: up };
}

/** An end of a link that says only what its test has it say. */
export class RawEnd {
  readonly heard: Heard[] = [];
  readonly link: LinkLike;
  #news: () => void = () => {};

  constructor(link: LinkLike) {
    this.link = link;
    link.on("message", (bytes) => {
      this.heard.push(decodeFrame(bytes));
      this.#news();
    });
  }

  /** Below an engine, with a slot. */
  static below(above: Engine, id: string, credit: Partial<Credit> = {}): RawEnd {
    const [mine, theirs] = ends(id, above.options.id);
    const end = new RawEnd(mine);
    above.addChild(theirs, { id, name: id, role: "node" });
    end.say({ t: "credit", slots: [1], busyElsewhere: 0, window: 100_000, bytes: 1e9, ...credit });
    return end;
  }

  /** Above an engine. */
  static above(below: Engine, id: string): RawEnd {
    const [mine, theirs] = ends(id, below.options.id);
    const end = new RawEnd(mine);
    below.addUpstream(theirs, { id, name: id, role: "executor" });
    return end;
  }

  say(frame: Frame, payload?: Bodies | Uint8Array): void {
    this.link.send(encodeFrame(frame, payload));
  }

  /** Hands down one task that names these. */
  sendTask(lease: number, named: Pick<BatchHeader, "code" | "captured">): void {
    const builder = new BodiesBuilder();
    builder.add(encodeArguments([lease]));
    const limits = { hops: 16, travelled: 0, priority: 0, attempts: 1, attempt: 1, depth: 0, grace: 1000 };
    const head = { ...named, name: "f", executor: "raw", batch: lease, first: 0, ...limits };
    this.say({ t: "tasks", lease, head }, builder.build());
  }

  /** The first frames that are wanted, once there are so many. */
  async next(count: number, wanted: (frame: Frame) => boolean, from = 0): Promise<Heard[]> {
    for (;;) {
      const found = this.heard.slice(from).filter(({ frame }) => wanted(frame));
      if (found.length >= count) return found;
      await new Promise<void>((resolve) => {
        this.#news = resolve;
      });
    }
  }

  async tasks(count = 1): Promise<Heard<Extract<Frame, { t: "tasks" }>>[]> {
    return (await this.next(count, ({ t }) => t === "tasks")) as Heard<Extract<Frame, { t: "tasks" }>>[];
  }

  /** Asks for what a hash names. */
  async ask(hash: string): Promise<Heard> {
    const from = this.heard.length;
    this.say({ t: "needCode", hash });
    const [answer] = await this.next(
      1,
      (frame) => (frame.t === "code" || frame.t === "noCode") && frame.hash === hash,
      from,
    );
    return answer as Heard;
  }

  /** The tasks of all leases so far have returned. */
  settle(): void {
    for (const { frame, payload } of this.heard.splice(0)) {
      if (frame.t !== "tasks") continue;
      const builder = new BodiesBuilder();
      for (let i = 0; i < countOf(unpackBodies(payload)); i++) builder.add(encodeValue("done", "result"));
      this.say({ t: "results", lease: frame.lease, from: 0, node: "raw", hops: 1, attempt: 1 }, builder.build(true));
    }
  }
}
