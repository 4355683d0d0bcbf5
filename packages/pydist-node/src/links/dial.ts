import { randomUUID } from "node:crypto";
import { ConnectionError } from "@pydist/protocol";
import { type Address, formatAddress, parseAddress } from "./address.js";
import { connect } from "./connect.js";
import { agreedProtocol, type HelloInput, makeHello, type Redirect } from "./hello.js";
import { Link } from "./link.js";
import type { LinkLike } from "./link-like.js";
import type { LinkOptions } from "./link-options.js";
import { type Answer, Journey } from "./redirects.js";
import { type Named, readScheme, resolveNamed } from "./schemes.js";
import type { Redial } from "./session.js";

export interface DialOptions {
  /** The cluster's key, from `resolveSecret`. */
  readonly key: Buffer;
  /** Where the key came from (`Secret.source`), for the message when the secrets differ. */
  readonly secretSource: string;
  readonly hello: HelloInput;
  /** Milliseconds for one attempt, from the name look-up to the answered hello. Default 5000. */
  readonly attemptTimeout?: number | undefined;
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly link?: LinkOptions | undefined;
  /** Told when a node sends this one on to another; `from` is its address. */
  readonly onRedirect?: ((redirect: Redirect, from: string) => void) | undefined;
}

/** Milliseconds for an attempt to come back: soon enough for another one within the grace. */
const COMEBACK_TIMEOUT = 2000;

/** Milliseconds for the machine of a node that was named by another one: it may be out of reach from here. */
const REACH_TIMEOUT = 2000;

/** Milliseconds at least for one of several places where a node may be: what was found need not be true. */
const PLACE_TIMEOUT = 2000;

/**
 * Connects to a node, or to the one to which that sends a newcomer on: one attempt. Listen to the link's "message" in your own time, messages wait for it.
 *
 * @param address `host:port`; see `parseAddress`. Or one with a scheme, whose places are tried in order
 * @throws ConnectionError if nobody answers there, or nobody of ours; worth another attempt
 * @throws AuthenticationError if the secrets or the clusters differ
 * @throws VersionMismatchError if the two speak no common version of the link protocol
 * @throws CycleError, ShutdownError if the node refuses for that reason
 */
export async function dial(address: string | Address, options: DialOptions): Promise<LinkLike> {
  const named = typeof address === "string" ? readScheme(address) : undefined;
  return named === undefined ? dialPlace(address, options) : dialNamed(named, address as string, options);
}

/** Anybody can say that a node of ours is somewhere; so whatever one place comes to, the next one is tried. */
async function dialNamed(named: Named, text: string, options: DialOptions): Promise<LinkLike> {
  const { attemptTimeout = 5000, signal } = options;
  const deadline = performance.now() + attemptTimeout;
  const cluster = named.cluster || options.hello.cluster;
  let failure: unknown;
  for await (const place of resolveNamed(named, text, { cluster, timeout: attemptTimeout, signal })) {
    const left = Math.max(1, Math.ceil(deadline - performance.now()));
    try {
      const hello = { ...options.hello, cluster };
      return await dialPlace(place, {
        ...options,
        hello,
        attemptTimeout: Math.min(left, Math.max(PLACE_TIMEOUT, left / 2)),
      });
    } catch (error) {
      signal?.throwIfAborted();
      // Only if none of them can be mended by waiting is there no use in waiting.
      if (!(failure instanceof ConnectionError)) failure = error;
    }
  }
  throw failure;
}

async function dialPlace(address: string | Address, options: DialOptions): Promise<LinkLike> {
  options.signal?.throwIfAborted();
  const journey = new Journey(
    (where, unreached, whose) => reach(where, unreached, whose === "told" ? REACH_TIMEOUT : undefined, options),
    options.onRedirect,
  );
  return journey.settle(formatAddress(typeof address === "string" ? parseAddress(address) : address));
}

function reach(
  where: string,
  unreached: readonly string[],
  reachTimeout: number | undefined,
  { key, secretSource, hello, attemptTimeout = 5000, signal, link }: DialOptions,
): Promise<Answer> {
  const session = randomUUID();
  const redial: Redial = (taken, gone, goOn) => {
    const again = makeHello(hello, session, { taken });
    const attempt = { key, secretSource, attemptTimeout: COMEBACK_TIMEOUT, signal: gone };
    return connect<"back" | "over">(where, again, attempt, {
      onHello: (carrier, theirs) => {
        if (theirs.taken === undefined) {
          carrier.drop();
          return "over";
        }
        goOn(carrier, theirs.taken);
        return "back";
      },
      onRedirect: () => "over",
    });
  };
  const ours = makeHello(hello, session, { unreached });
  return connect<Answer>(
    where,
    ours,
    { key, secretSource, attemptTimeout, reachTimeout, signal },
    {
      onHello: (carrier, peer) => {
        const protocol = agreedProtocol(ours.protocol, peer.protocol);
        return { link: new Link(carrier, { peer, protocol, redial }, link) };
      },
      onRedirect: (redirect) => ({ redirect }),
    },
  );
}
