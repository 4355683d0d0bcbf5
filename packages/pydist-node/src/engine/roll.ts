import type { Frame, NodeDescription } from "@pydist/protocol";
import { PATIENCE } from "@pydist/scheduler";
import type { LinkLike } from "../links/link-like.js";
import type { Logger } from "../logger.js";
import { Directory } from "./directory.js";
import { malformed, NODES_PER_FRAME } from "./frame-schema.js";
import type { DownPeer, Peers, UpPeer } from "./peer.js";

/** How long, in milliseconds, a peer below has to answer a question. */
const ANSWER_TIME = 5000;
/** Of the time that it has, a node gives this part to those below: it has to answer, too, when one of them does not. */
export const SHARE = 0.8;
/** More nodes than this below one are no tree but a mistake. */
const MOST_NODES = 100_000;
/** The same for one that may have joined at this moment, but has not said so. */
const NEWCOMER_ANSWER_TIME = 250;

export interface RollListener {
  /** Nodes are reached through that child from now on, or are so no more. */
  reached(child: number, nodes: readonly NodeDescription[]): void;
  unreached(child: number, ids: readonly string[]): void;
  nodeJoined(node: NodeDescription): void;
  nodeLost(node: NodeDescription, cause: string): void;
  /** All who were below a child that is gone are here again. */
  reunited(child: number): void;
}

/** Who is below: heard from the children, told on to those above, and asked for what only they know. */
export class Roll {
  readonly directory = new Directory();
  readonly #peers: Peers;
  readonly #logger: Logger;
  readonly #listener: RollListener;
  /** What this node answers for itself. */
  readonly #own: (what: string, to: LinkLike | undefined) => unknown[];
  /** Of children that are gone, those below them who have not come back yet. */
  readonly #missing = new Map<number, { readonly ids: Set<string>; readonly until: number }>();
  #lastQuestion = 0;

  constructor(
    peers: Peers,
    logger: Logger,
    listener: RollListener,
    own: (what: string, to: LinkLike | undefined) => unknown[],
  ) {
    this.#peers = peers;
    this.#logger = logger;
    this.#listener = listener;
    this.#own = own;
  }

  /** Tells one above of this node and of all below. */
  introduce(self: NodeDescription, above: UpPeer): void {
    const nodes = [self, ...this.directory.nodes];
    for (let from = 0; from < nodes.length; from += NODES_PER_FRAME) {
      this.#peers.send(above, { t: "nodeJoined", nodes: nodes.slice(from, from + NODES_PER_FRAME) });
    }
  }

  joined(nodes: readonly NodeDescription[], via: DownPeer): void {
    via.standing = "member";
    const fresh = this.directory.add(nodes, via.key);
    if (this.directory.size > MOST_NODES) throw malformed(`"nodeJoined": more than ${MOST_NODES} nodes are below`);
    if (fresh.length > 0) this.#peers.tellAbove({ t: "nodeJoined", nodes: fresh });
    this.#listener.reached(via.key, nodes);
    for (const node of fresh) {
      this.#logger.info({ node: node.id, name: node.name, address: node.address }, "Node joined");
      this.#listener.nodeJoined(node);
    }
    for (const [child, { ids }] of this.#missing) {
      for (const { id } of fresh) ids.delete(id);
      if (ids.size > 0) continue;
      this.#missing.delete(child);
      this.#listener.reunited(child);
    }
  }

  /** @param left whether they said goodbye */
  lost(ids: readonly string[], via: DownPeer, cause: string, left = false): void {
    const described = ids.map((id) => this.directory.get(id));
    const gone = this.directory.remove(ids, via.key);
    for (const id of ids) this.#reachedStill(id);
    if (gone.length === 0) return;
    // Those above hear of it before tasks for these nodes come back to them, or they would send them here again.
    this.#peers.tellAbove({ t: "nodeLost", ids: gone, cause, ...(left && { left }) });
    this.#listener.unreached(via.key, gone);
    for (const node of described) {
      if (node === undefined || !gone.includes(node.id)) continue;
      if (left) this.#logger.info({ node: node.id, name: node.name }, "Node left");
      else this.#logger.warn({ node: node.id, name: node.name, cause }, "Node lost");
      this.#listener.nodeLost(node, cause);
    }
  }

  /** One that has moved may be lost where it was told last, and be reached as before. */
  #reachedStill(id: string): void {
    const [node, child] = [this.directory.get(id), this.directory.via(id)];
    if (node !== undefined && child !== undefined) this.#listener.reached(child, [node]);
  }

  /**
   * The link to a child is gone, and with it everyone below.
   * @param left whether it said goodbye; those below it did not
   * @returns how many were below the child itself
   */
  childLost(child: DownPeer, cause: string, left = false): number {
    for (const answer of child.asked.values()) answer(undefined);
    const orphans = new Set(this.directory.idsVia(child.key));
    orphans.delete(child.info.id);
    this.lost([child.info.id], child, cause, left);
    this.lost([...orphans], child, cause);
    const now = performance.now();
    for (const [key, { until }] of this.#missing) if (until < now) this.#missing.delete(key);
    if (orphans.size > 0) this.#missing.set(child.key, { ids: orphans, until: now + PATIENCE.forOrphans });
    return orphans.size;
  }

  /**
   * Asks this node and all below; a list with what each of them knows of itself. Who does not answer is left out.
   * @param time milliseconds in which there is an answer, whoever below is silent
   */
  async ask(what: string, to?: LinkLike, time = ANSWER_TIME): Promise<unknown[]> {
    const frameOf = (id: number) => ({ t: "ask", id, what, time: Math.floor(time * SHARE) }) as const;
    const answers = await Promise.all(
      [...this.#peers.down.values()].map((peer) => this.question(peer, frameOf, Math.min(time, patienceWith(peer)))),
    );
    return [...this.#own(what, to), ...answers.flatMap((answer) => (Array.isArray(answer) ? answer : []))];
  }

  /** @returns undefined if there is no answer in time */
  question(peer: DownPeer, frameOf: (id: number) => Frame, patience = patienceWith(peer)): Promise<unknown> {
    const id = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const late = setTimeout(() => answer(undefined), patience);
      const answer = (value: unknown): void => {
        clearTimeout(late);
        peer.asked.delete(id);
        resolve(value);
      };
      peer.asked.set(id, answer);
      this.#peers.send(peer, frameOf(id));
    });
  }

  answered(peer: DownPeer, id: number, value: unknown): void {
    peer.asked.get(id)?.(value);
  }
}

function patienceWith({ standing }: DownPeer): number {
  return standing === "member" ? ANSWER_TIME : NEWCOMER_ANSWER_TIME;
}
