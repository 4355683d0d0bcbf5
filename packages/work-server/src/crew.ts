import type { Future } from "pydist";

/** A block of work, as the server made it. */
export interface Block<Data> {
  readonly data: Data;
  /** Nodes that were lost while they worked on it, and why. */
  readonly losses: { readonly node: string; readonly cause: string }[];
  /** Who has it now. */
  holder: { readonly id: string; readonly blocks: Set<Block<Data>> } | undefined;
  future: Future<unknown> | undefined;
}

/** A node that works for the job. */
export interface Member<Init, Data> {
  readonly id: string;
  readonly slots: number;
  readonly blocks: Set<Block<Data>>;
  /** What the server has for it, once it was asked. */
  init: Init | undefined;
  /** Blocks that took the class and the node's data along. */
  prepared: number;
  /** "expected": the server was not asked yet what it is to know; "resting": it takes no blocks for a while. */
  state: "expected" | "told" | "working" | "resting" | "gone";
}

/** What a member was when it was lost, with the blocks that it had, oldest first. */
interface Gone<Init, Data> extends Pick<Member<Init, Data>, "state" | "slots"> {
  readonly blocks: readonly Block<Data>[];
}

/** Those that work for a job, and who has which block. */
export class Crew<Init, Data> {
  readonly members = new Map<string, Member<Init, Data>>();
  /** Blocks whose nodes were lost: they go out again before any new one. */
  readonly returned: Block<Data>[] = [];

  /** @returns undefined if it is one of them already */
  join(id: string, slots: number): Member<Init, Data> | undefined {
    if (this.members.has(id)) return undefined;
    const member: Member<Init, Data> = {
      id,
      slots,
      blocks: new Set(),
      init: undefined,
      prepared: 0,
      state: "expected",
    };
    this.members.set(id, member);
    return member;
  }

  /** Who is lost; its blocks are to go to others. */
  leave(id: string): Gone<Init, Data> | undefined {
    const member = this.members.get(id);
    if (member === undefined) return undefined;
    this.members.delete(id);
    const { state, slots } = member;
    const blocks = [...member.blocks];
    for (const block of blocks) this.takeBack(block);
    member.state = "gone";
    return { state, slots, blocks };
  }

  give(block: Block<Data>, member: Member<Init, Data>): void {
    block.holder = member;
    member.blocks.add(block);
  }

  /** It is not out any more: merged, or about to go to somebody else. */
  release(block: Block<Data>): void {
    block.holder?.blocks.delete(block);
    block.holder = undefined;
  }

  takeBack(block: Block<Data>): void {
    this.release(block);
    this.returned.push(block);
  }

  /** Blocks that somebody has. */
  get out(): Block<Data>[] {
    return [...this.members.values()].flatMap(({ blocks }) => [...blocks]);
  }

  /** Those that take blocks now. */
  get working(): Member<Init, Data>[] {
    return [...this.members.values()].filter(({ state }) => state === "working");
  }
}
