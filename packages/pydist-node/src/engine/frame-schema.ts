import { type Frame, MOST_INLINE_BYTES, SerializationError } from "@pydist/protocol";
import * as v from "valibot";

/*
 * What a frame has to look like. The peer holds the secret, so this is no wall against an enemy, who could simply run
 * code: it keeps a broken or newer peer's mistake on its own link, before a wrong number reaches the scheduler.
 * Fields that are not named here are those of a newer version, and dropped.
 */

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.pipe(v.string(), v.maxLength(64 * 1024));
const milliseconds = v.pipe(v.number(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const FARTHEST = 10_000;
/** Nobody waits longer for an answer. */
const MOST_PATIENCE = 60_000;
/** Files come in portions of at most so many bytes and files. */
export const PORTION_BYTES = 4 * 1024 * 1024;
export const PORTION_FILES = 1000;
/** As large as a whole tree may be. */
const MOST_TREE_BYTES = 1024 ** 3;
/** A peer's directory comes in portions. */
export const NODES_PER_FRAME = 500;
/** Slots that one depth of a tree may have; beyond, a number is a mistake. */
const MOST_SLOTS = 2 ** 20;

/** Ascending, half-open, flattened; in bounds only the scheduler can tell. */
const ranges = v.pipe(
  v.array(count),
  v.check(
    (flat) => flat.length % 2 === 0 && flat.every((at, i) => i === 0 || at >= (flat[i - 1] as number)),
    "no ranges",
  ),
);

const captured = v.object({
  hash,
  state: v.picklist(["fresh", "shared"]),
  inline: v.exactOptional(v.pipe(v.string(), v.base64(), v.maxLength(Math.ceil(MOST_INLINE_BYTES / 3) * 4))),
});

const losses = v.array(v.object({ node: text, cause: text }));

const head = v.object({
  code: hash,
  captured: v.exactOptional(captured),
  name: text,
  executor: text,
  batch: count,
  first: count,
  node: v.exactOptional(text),
  hops: count,
  travelled: count,
  priority: v.pipe(v.number(), v.safeInteger()),
  attempts: count,
  attempt: count,
  losses: v.exactOptional(losses),
  depth: count,
  timeout: v.exactOptional(milliseconds),
  grace: milliseconds,
  initializer: v.exactOptional(hash),
});

const nestedHead = v.pick(head, [
  "code",
  "captured",
  "name",
  "node",
  "hops",
  "priority",
  "attempts",
  "attempt",
  "depth",
  "timeout",
  "grace",
]);

const key = v.pipe(v.string(), v.maxLength(16 * 1024));
const part = v.pipe(
  v.object({
    hash,
    size: v.pipe(count, v.maxValue(MOST_TREE_BYTES)),
    at: count,
    length: v.pipe(count, v.maxValue(PORTION_BYTES)),
  }),
  v.check(({ size, at, length }) => at + length <= size, "beyond the end of the file"),
);
const parts = v.pipe(
  v.array(part),
  v.maxLength(PORTION_FILES),
  v.check((all) => all.reduce((sum, { length }) => sum + length, 0) <= PORTION_BYTES, "too much for a portion"),
);

const message = v.object({ kind: v.literal("message") });
const taken = v.object({ kind: v.literal("taken"), bytes: count });

const passed = { batch: count, index: count, call: text, note: v.variant("kind", [message, taken]) };

const upNote = v.variant("kind", [
  v.object({ kind: v.literal("submit"), batch: count, head: nestedHead, text: v.string() }),
  v.object({ kind: v.literal("captured"), hash }),
  v.object({ kind: v.literal("forget"), hash }),
  v.object({ kind: v.literal("cancel"), batch: count, ranges, grace: v.exactOptional(milliseconds) }),
  v.object({ kind: v.literal("reply"), ...passed }),
  v.object({ kind: v.literal("log"), level: v.picklist(["debug", "info", "warn", "error"]), text, node: text }),
  v.object({ kind: v.literal("progress"), fraction: v.pipe(v.number(), v.minValue(0), v.maxValue(1)), node: text }),
  message,
  taken,
]);

const downNote = v.variant("kind", [
  v.object({ kind: v.literal("results"), batch: count, from: count, node: text, hops: count, attempt: count }),
  v.object({ kind: v.literal("started"), batch: count, ranges }),
  v.object({ kind: v.literal("waiting"), batch: count, ranges }),
  v.object({ kind: v.literal("heard"), ...passed }),
  message,
  taken,
]);

const node = v.object({
  id: text,
  name: text,
  address: text,
  parent: v.nullable(text),
  workers: count,
  slots: count,
  os: text,
  arch: text,
  nodeVersion: text,
  version: text,
  pid: count,
  host: text,
  allowExec: v.optional(v.boolean(), false),
});

const ancestor = v.object({ id: text, name: text, address: text, since: v.exactOptional(count) });

/** How long a question may take. */
const patience = v.pipe(milliseconds, v.maxValue(MOST_PATIENCE));

const schemas: Readonly<Record<Frame["t"], v.GenericSchema<unknown, Frame>>> = {
  tasks: v.object({
    t: v.literal("tasks"),
    lease: count,
    head,
    adopts: v.exactOptional(v.object({ offer: count, ranges })),
  }),
  declined: v.object({ t: v.literal("declined"), offer: count }),
  cancel: v.object({ t: v.literal("cancel"), lease: count, ranges, grace: v.exactOptional(milliseconds) }),
  told: v.object({ t: v.literal("told"), lease: count, index: count, call: text, note: downNote }),
  recall: v.object({ t: v.literal("recall"), max: count }),
  ask: v.object({ t: v.literal("ask"), id: count, what: text, time: v.exactOptional(patience) }),
  trace: v.object({
    t: v.literal("trace"),
    id: count,
    lease: count,
    index: count,
    time: patience,
  }),
  order: v.object({
    t: v.literal("order"),
    id: count,
    order: v.picklist(["drain", "resume", "stop", "dump"]),
    node: v.nullable(text),
  }),
  code: v.union([
    v.object({ t: v.literal("code"), hash, text: v.string() }),
    v.object({ t: v.literal("code"), hash, payload: v.picklist(["text", "bytes"]) }),
  ]),
  noCode: v.object({ t: v.literal("noCode"), hash, why: text }),
  tree: v.object({ t: v.literal("tree"), key }),
  noTree: v.object({ t: v.literal("noTree"), key, why: text }),
  files: v.object({ t: v.literal("files"), parts }),
  noFile: v.object({ t: v.literal("noFile"), hash, why: text }),
  ancestry: v.object({
    t: v.literal("ancestry"),
    chain: v.pipe(v.array(ancestor), v.maxLength(FARTHEST)),
    settled: v.boolean(),
  }),
  results: v.object({ t: v.literal("results"), lease: count, from: count, node: text, hops: count, attempt: count }),
  started: v.object({ t: v.literal("started"), lease: count, ranges }),
  waiting: v.object({ t: v.literal("waiting"), lease: count, ranges }),
  suspended: v.object({ t: v.literal("suspended"), lease: count, ranges }),
  resumed: v.object({ t: v.literal("resumed"), lease: count, ranges }),
  said: v.object({ t: v.literal("said"), lease: count, index: count, call: text, note: upNote }),
  returned: v.object({
    t: v.literal("returned"),
    lease: count,
    ranges,
    history: v.exactOptional(v.object({ attempt: count, losses })),
  }),
  recalled: v.object({ t: v.literal("recalled") }),
  offer: v.object({
    t: v.literal("offer"),
    offer: count,
    executor: text,
    batch: count,
    code: hash,
    first: count,
    count,
    ranges,
  }),
  credit: v.object({
    t: v.literal("credit"),
    slots: v.pipe(v.array(v.pipe(count, v.maxValue(MOST_SLOTS))), v.maxLength(FARTHEST)),
    busyElsewhere: v.pipe(v.number(), v.safeInteger()),
    window: count,
    bytes: count,
    pool: v.exactOptional(v.literal("drained")),
  }),
  stray: v.object({ t: v.literal("stray"), task: text, executor: text, message: text, node: text }),
  output: v.object({
    t: v.literal("output"),
    executor: text,
    task: text,
    node: text,
    name: text,
    stream: v.picklist(["stdout", "stderr"]),
    lines: v.array(text),
  }),
  needCode: v.object({ t: v.literal("needCode"), hash }),
  needTree: v.object({ t: v.literal("needTree"), key }),
  needFiles: v.object({ t: v.literal("needFiles"), parts }),
  answer: v.object({ t: v.literal("answer"), id: count, value: v.unknown() }),
  nodeJoined: v.object({ t: v.literal("nodeJoined"), nodes: v.pipe(v.array(node), v.maxLength(NODES_PER_FRAME)) }),
  nodeLost: v.object({
    t: v.literal("nodeLost"),
    ids: v.array(text),
    cause: text,
    left: v.exactOptional(v.literal(true)),
  }),
};

/**
 * A frame that is as it should be, or undefined for one of a kind that this version does not know.
 * @throws SerializationError saying what is wrong with it
 */
export function checkFrame(frame: Frame): Frame | undefined {
  if (!Object.hasOwn(schemas, frame.t)) return undefined;
  const checked = v.safeParse(schemas[frame.t], frame, { abortEarly: true });
  if (checked.success) return checked.output;
  const [issue] = checked.issues;
  throw malformed(`"${frame.t}": ${v.getDotPath(issue) ?? "it"}: ${issue.message}`);
}

/** Whoever sent such a frame loses its link. */
export function malformed(what: string): SerializationError {
  return new SerializationError(`Malformed frame ${what}`, { path: "" });
}
