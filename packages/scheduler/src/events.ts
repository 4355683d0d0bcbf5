import type {
  Adoption,
  BatchHeader,
  Bodies,
  Credit,
  DownNote,
  History,
  Mail,
  Offer,
  Ranges,
  ResultInfo,
  Stop,
  UpNote,
} from "@pydist/protocol";

/** A peer that hands tasks down to this scheduler: a link to a parent or an executor, or the executor in this process. */
export type UpstreamId = number;
/** Whoever this scheduler hands tasks to: the pool of this node, or a child. */
export type ReceiverId = number;
/** The receiver that is this node's own worker pool. */
export const POOL: ReceiverId = 0;

/** A note from or to a running task, with its bodies. The scheduler only leads it to where the task is. */
export interface Letter<Note> extends Mail<Note> {
  readonly bodies: Bodies | undefined;
}

/**
 * What a node does for the tree: all that it can; nothing on its own slots, while its children work on; or nothing that is
 * not begun yet, because it is about to leave.
 */
export type Duty = "working" | "drained" | "leaving";

/** All that can happen to a scheduler. Ranges and `from` count from the first task of the batch as it was handed over. */
export type SchedulerEvent =
  | { readonly type: "upstreamJoined"; readonly upstream: UpstreamId; readonly own: boolean }
  /** What a lost parent's tasks have begun may be wanted by those above it; with an executor its tasks are over. */
  | { readonly type: "upstreamLost"; readonly upstream: UpstreamId; readonly role?: "parent" }
  /** What is told a parent from now on may never arrive; or is sure to have arrived, for the link is back. */
  | { readonly type: "upstreamAway"; readonly upstream: UpstreamId }
  | { readonly type: "upstreamBack"; readonly upstream: UpstreamId }
  /** The way up is clogged with results (or clear again): start none of this upstream's tasks meanwhile. */
  | { readonly type: "upstreamClogged"; readonly upstream: UpstreamId; readonly clogged: boolean }
  | {
      readonly type: "accept";
      readonly upstream: UpstreamId;
      /** The upstream's name for this batch. */
      readonly lease: number;
      readonly head: BatchHeader;
      readonly bodies: Bodies;
      /** Tasks that nobody wants any more by now: they are never handed out. */
      readonly cancelled?: Ranges;
      /** Only these are meant, and whoever offered them has begun them. */
      readonly adopts?: Adoption;
    }
  /** None of what was offered is wanted. */
  | { readonly type: "declined"; readonly upstream: UpstreamId; readonly offer: number }
  /** With `stop`, tasks that have begun are stopped, too. */
  | {
      readonly type: "cancel";
      readonly upstream: UpstreamId;
      readonly lease: number;
      readonly ranges: Ranges;
      readonly stop?: Stop;
    }
  /** For one task that was handed down, wherever it runs now. */
  | ({ readonly type: "told"; readonly upstream: UpstreamId } & Letter<DownNote>)
  | { readonly type: "recall"; readonly upstream: UpstreamId; readonly max: number }
  | {
      readonly type: "childJoined";
      readonly child: ReceiverId;
      /** The child's id, for errors. */
      readonly node: string;
      readonly attachment: boolean;
    }
  | {
      readonly type: "childLost";
      readonly child: ReceiverId;
      readonly cause: string;
      /** How many nodes were below it: they may come back with what they had begun. */
      readonly orphans?: number;
    }
  /** Nodes are reached through that child from now on, itself and those below it; or are so no more. */
  | {
      readonly type: "nodesJoined";
      readonly child: ReceiverId;
      readonly nodes: readonly { readonly id: string; readonly slots: number }[];
    }
  | { readonly type: "nodesLost"; readonly child: ReceiverId; readonly ids: readonly string[] }
  /** All who were below a lost child are here again; what they had begun is offered, or is about to be. */
  | { readonly type: "reunited"; readonly child: ReceiverId }
  /** Who joined has begun tasks under a parent that is gone. */
  | ({ readonly type: "offered"; readonly receiver: ReceiverId } & Offer)
  | ({ readonly type: "credit"; readonly child: ReceiverId } & Credit)
  | ({
      readonly type: "results";
      readonly receiver: ReceiverId;
      readonly lease: number;
      readonly from: number;
      readonly bodies: Bodies;
    } & ResultInfo)
  | { readonly type: "started"; readonly receiver: ReceiverId; readonly lease: number; readonly ranges: Ranges }
  /** Tasks that had begun have lost their node and wait again. */
  | { readonly type: "waiting"; readonly receiver: ReceiverId; readonly lease: number; readonly ranges: Ranges }
  /** Tasks that wait for tasks of their own have given their slots back. */
  | { readonly type: "suspended"; readonly receiver: ReceiverId; readonly lease: number; readonly ranges: Ranges }
  /** Tasks below have their slots again. */
  | { readonly type: "resumed"; readonly receiver: ReceiverId; readonly lease: number; readonly ranges: Ranges }
  /** A suspended task of the pool could go on, and wants a slot. */
  | { readonly type: "ready"; readonly lease: number; readonly index: number }
  | ({ readonly type: "said"; readonly receiver: ReceiverId } & Letter<UpNote>)
  | {
      readonly type: "returned";
      readonly receiver: ReceiverId;
      readonly lease: number;
      readonly ranges: Ranges;
      /** What befell them there. */
      readonly history?: History | undefined;
    }
  | { readonly type: "recalled"; readonly receiver: ReceiverId }
  /** What this node is to do from now on. */
  | { readonly type: "duty"; readonly duty: Duty }
  /** The time that an earlier `wake` asked for has come. */
  | { readonly type: "tick" };

export type EventOf<T extends SchedulerEvent["type"]> = Extract<SchedulerEvent, { type: T }>;

/** All that a scheduler can ask for. The engine carries actions out in order. */
export type SchedulerAction =
  | {
      readonly type: "dispatch";
      readonly receiver: ReceiverId;
      readonly lease: number;
      readonly head: BatchHeader;
      readonly bodies: Bodies;
      /** Where the batch came from, so that its code can be asked for there. */
      readonly upstream: UpstreamId;
      readonly adopts?: Adoption;
    }
  | { readonly type: "decline"; readonly receiver: ReceiverId; readonly offer: number }
  | {
      readonly type: "cancelAt";
      readonly receiver: ReceiverId;
      readonly lease: number;
      readonly ranges: Ranges;
      readonly stop?: Stop;
    }
  /** A suspended task of the pool has a slot again. */
  | { readonly type: "resumeAt"; readonly lease: number; readonly index: number }
  | ({ readonly type: "tell"; readonly receiver: ReceiverId } & Letter<DownNote>)
  | { readonly type: "recallFrom"; readonly receiver: ReceiverId; readonly max: number }
  | ({
      readonly type: "report";
      readonly upstream: UpstreamId;
      readonly lease: number;
      readonly from: number;
      readonly bodies: Bodies;
    } & ResultInfo)
  | { readonly type: "reportStarted"; readonly upstream: UpstreamId; readonly lease: number; readonly ranges: Ranges }
  | { readonly type: "reportWaiting"; readonly upstream: UpstreamId; readonly lease: number; readonly ranges: Ranges }
  | { readonly type: "reportSuspended"; readonly upstream: UpstreamId; readonly lease: number; readonly ranges: Ranges }
  | { readonly type: "reportResumed"; readonly upstream: UpstreamId; readonly lease: number; readonly ranges: Ranges }
  | ({ readonly type: "say"; readonly upstream: UpstreamId } & Letter<UpNote>)
  | {
      readonly type: "giveBack";
      readonly upstream: UpstreamId;
      readonly lease: number;
      readonly ranges: Ranges;
      readonly history: History | undefined;
    }
  | { readonly type: "recallDone"; readonly upstream: UpstreamId }
  | ({ readonly type: "offer"; readonly upstream: UpstreamId } & Offer)
  | ({ readonly type: "grant"; readonly upstream: UpstreamId } & Credit)
  /** Nothing runs any more that the duty is to be rid of. Once for each change of the duty. */
  | { readonly type: "drained" }
  /** Send a `tick` at this time, in the clock of `handle`'s `now`; replaces any earlier wish. */
  | { readonly type: "wake"; readonly at: number };

/** How long, in milliseconds, those wait for each other whom the loss of a node has parted. */
export interface Patience {
  /** What a lost child had begun waits for the nodes that were below it. */
  readonly forOrphans: number;
  /** The same, once they are all here again. */
  readonly forOffers: number;
  /** What was begun under a lost parent goes on without any, */
  readonly forParent: number;
  /** and after it was offered, until somebody wants it. */
  readonly forAnswer: number;
  /** A task waits for the only node that may run it, while that is not in the tree. */
  readonly forNode: number;
}

/** What does not change while a scheduler lives. */
export interface SchedulerConfig {
  /** This node's id, as results name it. */
  readonly node: string;
  /** Tasks that the pool runs at once: workers times tasks per worker. 0 on a node that only routes. */
  readonly slots: number;
  /** No task travels more links below this node than this. */
  readonly hopLimit: number;
  /** True at an attached executor, which never runs a task itself and so need not refuse one that may not travel. */
  readonly routesOnly?: boolean;
  readonly patience?: Patience;
}
