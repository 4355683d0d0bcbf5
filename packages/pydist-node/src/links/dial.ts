import type { TLSSocket } from "node:tls";
import { ConnectionError } from "@pydist/protocol";
import { WebSocket } from "ws";
import { type Address, formatAddress, LINK_PATH, parseAddress } from "./address.js";
import { explainDialFailure, refusalToError } from "./failures.js";
import { agreedProtocol, clusterMismatch, encodeHello, type HelloInput, makeHello, readFirstMessage } from "./hello.js";
import { Link, MAX_WS_PAYLOAD } from "./link.js";
import type { LinkLike } from "./link-like.js";
import type { LinkOptions } from "./link-options.js";
import { CERTIFICATE_SHOWN, clientTlsOptions } from "./tls.js";

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
}

/**
 * Connects to a node: one attempt. Listen to the link's "message" in your own time, messages wait for it.
 *
 * @param address `host:port`; see `parseAddress`
 * @throws ConnectionError if nobody answers there, or nobody of ours; worth another attempt
 * @throws AuthenticationError if the secrets or the clusters differ
 * @throws VersionMismatchError if the two speak no common version of the link protocol
 * @throws CycleError, ShutdownError if the node refuses for that reason
 */
export async function dial(address: string | Address, options: DialOptions): Promise<LinkLike> {
  const { key, secretSource, attemptTimeout = 5000, signal } = options;
  signal?.throwIfAborted();
  const where = formatAddress(typeof address === "string" ? parseAddress(address) : address);
  const ours = makeHello(options.hello);
  const ws = new WebSocket(`wss://${where}${LINK_PATH}`, {
    ...clientTlsOptions(key),
    perMessageDeflate: false,
    maxPayload: MAX_WS_PAYLOAD,
    maxFragments: 4,
    // A zero mask costs neither a pass over the bytes nor a copy. Masks protect proxies, which see nothing inside TLS.
    generateMask: (mask) => mask.fill(0),
  });
  let socket: TLSSocket | undefined;

  return new Promise<LinkLike>((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      ws.off("message", onMessage);
      ws.off("close", onClose);
    };
    // The error listener stays: an attempt that is given up still reports that it was.
    const fail = (reason: unknown) => {
      settle();
      ws.terminate();
      reject(reason);
    };
    const refused = (text: string) => new ConnectionError(`${where} ${text}`, { address: where });
    const onAbort = () => fail(signal?.reason);
    const onClose = () => fail(refused("closed the connection before it answered the hello."));
    // Runs to the link in one go, since more messages may follow in the same packet.
    const onMessage = (data: WebSocket.RawData, isBinary: boolean) => {
      const first = readFirstMessage(data as Buffer, !isBinary, ours, where);
      switch (first.kind) {
        case "incompatible":
          return fail(first.error);
        case "refusal":
          return fail(refusalToError(first.refusal, ours, where));
        case "malformed":
          return fail(refused(`is no pydist node that can be understood: ${first.detail}.`));
        case "hello": {
          const mismatch = clusterMismatch(ours, first.hello, where);
          if (mismatch !== undefined) return fail(mismatch);
          if (socket === undefined) return fail(refused("answered without a connection."));
          settle();
          const protocol = agreedProtocol(ours.protocol, first.hello.protocol);
          const ends = { peer: first.hello, remoteAddress: where, direction: "dialed", protocol } as const;
          return resolve(new Link(ws, socket, ends, options.link));
        }
      }
    };

    const timer = setTimeout(
      () => fail(refused(`did not answer within ${attemptTimeout} ms. Check the address, and firewalls between.`)),
      attemptTimeout,
    );
    signal?.addEventListener("abort", onAbort);
    ws.on("error", (error) => fail(explainDialFailure(error, where, secretSource)));
    ws.on("unexpected-response", (request, response) => {
      request.destroy();
      fail(refused(`holds the secret but answers with HTTP status ${response.statusCode}: it is no pydist node.`));
    });
    ws.on("upgrade", (response) => {
      socket = response.socket as TLSSocket;
      // A second lock on the same door as checkServerIdentity: only a pre-shared key makes a handshake without certificate.
      if (!socket.isSessionReused()) {
        fail(
          explainDialFailure(
            Object.assign(new Error("no pre-shared key"), { code: CERTIFICATE_SHOWN }),
            where,
            secretSource,
          ),
        );
      }
    });
    ws.on("open", () => ws.send(encodeHello(ours)));
    ws.on("message", onMessage);
    ws.on("close", onClose);
  });
}
