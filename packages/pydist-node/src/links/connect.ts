import type { TLSSocket } from "node:tls";
import { ConnectionError } from "@pydist/protocol";
import { WebSocket } from "ws";
import { Countdown } from "../countdown.js";
import { LINK_PATH } from "./address.js";
import { Carrier } from "./carrier.js";
import { explainDialFailure, refusalToError } from "./failures.js";
import { clusterMismatch, encodeHello, type Hello, locatedHello, type Redirect, readFirstMessage } from "./hello.js";
import { MAX_WS_PAYLOAD } from "./link.js";
import { CERTIFICATE_SHOWN, clientTlsOptions } from "./tls.js";

export interface ConnectOptions {
  readonly key: Buffer;
  readonly secretSource: string;
  /** Milliseconds from the name look-up to the answered hello. */
  readonly attemptTimeout: number;
  /** Milliseconds for the other machine to take the connection, however busy the node on it is. Default: no less. */
  readonly reachTimeout?: number | undefined;
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What comes of an answer. */
export interface Answers<T> {
  /**
   * Runs to its end before anything that the peer says after its hello is looked at, for it may lie in the same packet: so
   * it has to listen to the carrier, or drop it.
   */
  readonly onHello: (carrier: Carrier, theirs: Hello) => T;
  /** The peer has no place for this node, but knows who has. */
  readonly onRedirect: (redirect: Redirect) => T;
}

/**
 * One socket to a node at `host:port`, and the answer to our hello.
 *
 * @throws as `dial`
 */
export function connect<T>(
  where: string,
  ours: Hello,
  options: ConnectOptions,
  { onHello, onRedirect }: Answers<T>,
): Promise<T> {
  const { key, secretSource, attemptTimeout, reachTimeout, signal } = options;
  const ws = new WebSocket(`wss://${where}${LINK_PATH}`, {
    ...clientTlsOptions(key),
    perMessageDeflate: false,
    maxPayload: MAX_WS_PAYLOAD,
    maxFragments: 4,
    // A zero mask costs neither a pass over the bytes nor a copy. Masks protect proxies, which see nothing inside TLS.
    generateMask: (mask) => mask.fill(0),
    finishRequest: (request) => {
      request.once("socket", (raw) => raw.once("connect", () => reach?.stop()));
      request.end();
    },
  });
  let reach: Countdown | undefined;
  let socket: TLSSocket | undefined;

  return new Promise<T>((resolve, reject) => {
    const settle = () => {
      limit.stop();
      reach?.stop();
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
    const onMessage = (data: WebSocket.RawData, isBinary: boolean) => {
      const first = readFirstMessage(data as Buffer, !isBinary, ours, where);
      switch (first.kind) {
        case "incompatible":
          return fail(first.error);
        case "refusal":
          return fail(refusalToError(first.refusal, ours, where));
        case "redirect":
          settle();
          ws.terminate();
          return resolve(onRedirect(first.redirect));
        case "malformed":
          return fail(refused(`is no pydist node that can be understood: ${first.detail}.`));
        case "hello": {
          const mismatch = clusterMismatch(ours, first.hello, where);
          if (mismatch !== undefined) return fail(mismatch);
          if (socket === undefined) return fail(refused("answered without a connection."));
          settle();
          return resolve(onHello(new Carrier(ws, socket, where), first.hello));
        }
      }
    };

    const limit = new Countdown(attemptTimeout, () =>
      fail(refused(`did not answer within ${attemptTimeout} ms. Check the address, and firewalls between.`)),
    );
    if (reachTimeout !== undefined) {
      reach = new Countdown(reachTimeout, () =>
        fail(refused(`did not take the connection within ${reachTimeout} ms.`)),
      );
    }
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
    ws.on("open", () => ws.send(encodeHello(locatedHello(ours, socket?.localAddress))));
    ws.on("message", onMessage);
    ws.on("close", onClose);
  });
}
