import type { Socket } from "node:net";
import { ConnectionError, PydistError } from "@pydist/protocol";
import { WebSocket } from "ws";
import { Carrier } from "./carrier.js";
import { errorToRefusal } from "./failures.js";
import type { Greeter } from "./greeter.js";
import {
  agreedProtocol,
  clusterMismatch,
  encodeHello,
  encodeRedirect,
  encodeRefusal,
  type Hello,
  locatedHello,
  makeHello,
  readFirstMessage,
} from "./hello.js";
import { Link } from "./link.js";
import type { LinkOptions } from "./link-options.js";
import type { LinkLogger } from "./logger.js";
import type { Sessions } from "./sessions.js";

export interface Door extends Greeter {
  readonly sessions: Sessions;
  readonly link: LinkOptions | undefined;
  readonly logger: LinkLogger;
}

/**
 * Waits for a dialer's hello and answers it: with a link, or by going on with one that it had. Undefined: it was refused,
 * or went away. Never rejects.
 */
export async function greet(
  ws: WebSocket,
  socket: Socket,
  remoteAddress: string,
  { hello, onHello, sessions, link: options, logger }: Door,
): Promise<Link | "resumed" | undefined> {
  ws.on("error", (error) => logger.debug({ remoteAddress, cause: error.message }, "A connection had an error"));
  const first = await firstMessage(ws);
  if (first === undefined) return undefined;
  const { data, isBinary, stopGuarding } = first;
  const input = locatedHello(hello(), socket.localAddress);
  const ours = makeHello(input, "");
  try {
    const theirs = admit(readFirstMessage(data, !isBinary, ours, remoteAddress), ours, remoteAddress);
    const { session, taken } = theirs;
    const carrier = new Carrier(ws, socket, remoteAddress);
    const answer = (taken?: number) => ws.send(encodeHello(makeHello(input, session, { taken })));
    if (taken !== undefined) {
      stopGuarding();
      return goOn(sessions.find(theirs), carrier, taken, answer);
    }
    const verdict = (await onHello?.(theirs, remoteAddress)) ?? "accept";
    if (ws.readyState !== WebSocket.OPEN) return undefined;
    if (verdict !== "accept") {
      ws.send(encodeRedirect(verdict));
      ws.close(1000);
      return undefined;
    }
    stopGuarding();
    answer();
    const protocol = agreedProtocol(ours.protocol, theirs.protocol);
    const link = new Link(carrier, { peer: theirs, protocol }, options);
    sessions.add(link);
    return link;
  } catch (error) {
    refuse(ws, error, ours, remoteAddress, logger);
    return undefined;
  }
}

/** Of a session that is over, or was never here, nothing has been taken in: the dialer has to begin a new one. */
function goOn(
  link: Link | undefined,
  carrier: Carrier,
  taken: number,
  answer: (counted?: number) => void,
): "resumed" | undefined {
  if (link === undefined) {
    answer();
    carrier.close();
    return undefined;
  }
  answer(link.prepare());
  link.resume(carrier, taken);
  return "resumed";
}

function admit(first: ReturnType<typeof readFirstMessage>, ours: Hello, remoteAddress: string): Hello {
  switch (first.kind) {
    case "incompatible":
      throw first.error;
    case "refusal":
      throw new ConnectionError("a refusal came where a hello was due");
    case "redirect":
      throw new ConnectionError("a redirect came where a hello was due");
    case "malformed":
      throw new ConnectionError(first.detail);
    case "hello": {
      const mismatch = clusterMismatch(ours, first.hello, remoteAddress);
      if (mismatch !== undefined) throw mismatch;
      return first.hello;
    }
  }
}

function refuse(ws: WebSocket, error: unknown, ours: Hello, remoteAddress: string, logger: LinkLogger): void {
  const known = error instanceof PydistError ? error : new ConnectionError("it failed while looking at the hello");
  const detail = error instanceof Error ? error.message : String(error);
  logger.warn({ remoteAddress, code: known.code, cause: detail }, "Refused a peer");
  // Whoever does not close on it is cut off by the listener's time limit for greetings.
  ws.send(encodeRefusal(errorToRefusal(known, ours)));
  ws.close(1000);
}

interface First {
  readonly data: Buffer;
  readonly isBinary: boolean;
  readonly stopGuarding: () => void;
}

/** Undefined if the peer leaves without a word. Until the guard is taken off, a second message cuts the peer off. */
function firstMessage(ws: WebSocket): Promise<First | undefined> {
  return new Promise((resolve) => {
    const guard = () => ws.terminate();
    ws.once("message", (data, isBinary) => {
      ws.on("message", guard);
      resolve({ data: data as Buffer, isBinary, stopGuarding: () => ws.off("message", guard) });
    });
    ws.once("close", () => resolve(undefined));
  });
}
