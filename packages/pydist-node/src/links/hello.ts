import { hostname } from "node:os";
import { AuthenticationError, VersionMismatchError } from "@pydist/protocol";
import * as v from "valibot";
import { located } from "./address.js";

/** The versions of the link protocol that this release speaks. The link uses the highest that both sides speak. */
const LINK_PROTOCOL: VersionRange = { min: 1, max: 1 };

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

const text = v.pipe(v.string(), v.maxLength(1024));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Range = v.object({ min: count, max: count });

/** Who finds more nodes unreachable than this has another problem. */
const MOST_UNREACHED = 64;

/** Read before all else, and by every version for ever: it decides whether the rest can be understood. */
const Versions = v.object({ protocol: Range, version: text });

const HelloSchema = v.object({
  /** Versions of the link protocol that the sender speaks, both inclusive. */
  protocol: Range,
  /** Release of pydist. */
  version: text,
  /** `process.version`. */
  node: text,
  /**
   * What the sender is to whoever it dials: who dials does not say who is above. A node dials its parent, and as "parent"
   * a child that cannot dial; executors and clients dial nodes. Whoever is dialled is a node.
   */
  role: v.picklist(["node", "parent", "executor", "client"]),
  id: v.pipe(text, v.nonEmpty()),
  name: text,
  cluster: text,
  /** What survives the socket: a link that comes back with the same session goes on. The one that dials gives it. */
  session: text,
  /** What the sender has taken in of a session that goes on; absent at its begin, and if it is not known any more. */
  taken: v.optional(v.pipe(count, v.maxValue(2 ** 32 - 1))),
  /** Where the sender can be dialled, if it listens. */
  address: v.optional(text),
  /** Ids of nodes to which the receiver has sent it, and which it could not reach. */
  unreached: v.optional(v.pipe(v.array(text), v.maxLength(MOST_UNREACHED)), []),
  /** Its clock, in milliseconds, for people who compare logs. */
  time: v.optional(count),
  pid: count,
  host: text,
  os: text,
  arch: text,
  workers: count,
  /** What the layers above tell each other, checked by them. */
  extra: v.record(v.string(), v.unknown()),
});

/** What both sides tell each other first. Unknown fields of a newer release are dropped. */
export type Hello = Readonly<v.InferOutput<typeof HelloSchema>>;

const RefusalSchema = v.object({
  code: text,
  message: v.pipe(v.string(), v.maxLength(8192)),
  /** With PYDIST_E_CYCLE: the nodes on the way round. */
  cycle: v.optional(v.array(text)),
  /** With PYDIST_E_VERSION_MISMATCH and PYDIST_E_AUTHENTICATION: what the other one is, to name both. */
  hello: v.optional(v.object({ ...Versions.entries, name: text, cluster: text })),
});

/** The answer to a hello that is not accepted. */
export type Refusal = v.InferOutput<typeof RefusalSchema>;

const RedirectSchema = v.object({ id: v.pipe(text, v.nonEmpty()), name: text, address: text });

/** The answer to a newcomer that is to join this node, which is below the one that answers. */
export type Redirect = Readonly<v.InferOutput<typeof RedirectSchema>>;

type OfLink = "session" | "taken" | "unreached";
type OfThisProcess = "time" | "protocol" | "node" | "pid" | "host" | "os" | "arch";

/** A hello without what belongs to one link, and what this process knows of itself. */
export type HelloInput = Omit<Hello, OfLink | OfThisProcess | "extra"> & Partial<Pick<Hello, OfThisProcess | "extra">>;

/** Adds what this process knows of itself. */
export function makeHello(
  input: HelloInput,
  session: string,
  { taken, unreached = [] }: { readonly taken?: number | undefined; readonly unreached?: readonly string[] } = {},
): Hello {
  return {
    protocol: LINK_PROTOCOL,
    node: process.version,
    time: Date.now(),
    pid: process.pid,
    host: hostname(),
    os: process.platform,
    arch: process.arch,
    extra: {},
    ...input,
    session,
    unreached: [...unreached],
    ...(taken === undefined ? {} : { taken }),
  };
}

/** Of what listens at every address of its machine, the peer is told the one by which it is reached. */
export function locatedHello<T extends Pick<HelloInput, "address">>(hello: T, localHost: string | undefined): T {
  return hello.address === undefined ? hello : { ...hello, address: located(hello.address, localHost) };
}

const MAX_HELLO_BYTES = 64 * 1024;

/** @throws RangeError if the hello, through its `extra`, is longer than peers accept */
export function encodeHello(hello: Hello): string {
  return limited(JSON.stringify(hello));
}

export function encodeRefusal(refusal: Refusal): string {
  return limited(JSON.stringify({ refuse: refusal }));
}

export function encodeRedirect(redirect: Redirect): string {
  return limited(JSON.stringify({ redirect }));
}

function limited(json: string): string {
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_HELLO_BYTES) {
    throw new RangeError(
      `A hello of ${bytes} bytes was to be sent; the limit is ${MAX_HELLO_BYTES}. Put less into extra.`,
    );
  }
  return json;
}

/** What the first message of a peer turned out to be. */
export type FirstMessage =
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "incompatible"; readonly error: VersionMismatchError }
  | { readonly kind: "refusal"; readonly refusal: Refusal }
  | { readonly kind: "redirect"; readonly redirect: Redirect }
  | { readonly kind: "malformed"; readonly detail: string };

/**
 * Reads the first message of an authenticated peer.
 *
 * @param ours this side's hello, for the comparison of versions
 * @param where what an error calls the peer: its address
 */
export function readFirstMessage(data: Buffer, isText: boolean, ours: Hello, where: string): FirstMessage {
  if (!isText) return { kind: "malformed", detail: "its first message is no hello" };
  if (data.length > MAX_HELLO_BYTES) return { kind: "malformed", detail: `its hello has ${data.length} bytes` };
  let json: unknown;
  try {
    json = JSON.parse(data.toString("utf8"));
  } catch {
    return { kind: "malformed", detail: "its hello is not JSON" };
  }
  if (typeof json === "object" && json !== null && "refuse" in json) {
    const refusal = v.safeParse(RefusalSchema, json.refuse);
    return refusal.success ? { kind: "refusal", refusal: refusal.output } : malformed(refusal.issues);
  }
  if (typeof json === "object" && json !== null && "redirect" in json) {
    const redirect = v.safeParse(RedirectSchema, json.redirect);
    return redirect.success ? { kind: "redirect", redirect: redirect.output } : malformed(redirect.issues);
  }
  const versions = v.safeParse(Versions, json);
  if (!versions.success) return malformed(versions.issues);
  const error = versionMismatch(ours, versions.output, where);
  if (error !== undefined) return { kind: "incompatible", error };
  const hello = v.safeParse(HelloSchema, json);
  return hello.success ? { kind: "hello", hello: hello.output } : malformed(hello.issues);
}

function malformed(issues: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]): FirstMessage {
  return {
    kind: "malformed",
    detail: `its hello is wrong at ${v.getDotPath(issues[0]) ?? "the top"}: ${issues[0].message}`,
  };
}

type Versioned = Pick<Hello, "protocol" | "version">;

export function versionMismatch(ours: Versioned, theirs: Versioned, where: string): VersionMismatchError | undefined {
  if (ours.protocol.min <= theirs.protocol.max && theirs.protocol.min <= ours.protocol.max) return undefined;
  return new VersionMismatchError(
    `This process (pydist ${ours.version}) speaks version ${span(ours.protocol)} of the link protocol, the peer ` +
      `${where} (pydist ${theirs.version}) version ${span(theirs.protocol)}. Install the same release of pydist on both.`,
    { ours: span(ours.protocol), theirs: span(theirs.protocol) },
  );
}

export function clusterMismatch(
  ours: Pick<Hello, "cluster">,
  theirs: Pick<Hello, "cluster" | "name">,
  where: string,
): AuthenticationError | undefined {
  if (ours.cluster === theirs.cluster) return undefined;
  return new AuthenticationError(
    `This process belongs to the cluster "${ours.cluster}", the peer ${where} ("${theirs.name}") to the cluster ` +
      `"${theirs.cluster}". Set cluster (--cluster, PYDIST_CLUSTER) to the same name on both, or use another address.`,
  );
}

/** The version that two compatible peers use. */
export function agreedProtocol(ours: VersionRange, theirs: VersionRange): number {
  return Math.min(ours.max, theirs.max);
}

function span({ min, max }: VersionRange): string {
  return min === max ? `${min}` : `${min}-${max}`;
}
