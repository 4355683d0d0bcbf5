import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { ConnectionError } from "@pydist/protocol";
import { WebSocketServer } from "ws";
import { greet } from "./accept.js";
import { type Address, formatAddress, LINK_PATH, plainHost } from "./address.js";
import { Connections } from "./connections.js";
import type { Greeter } from "./greeter.js";
import { MAX_WS_PAYLOAD } from "./link.js";
import type { LinkLike } from "./link-like.js";
import type { LinkOptions } from "./link-options.js";
import { type LinkLogger, silentLogger } from "./logger.js";
import { Sessions } from "./sessions.js";
import { HANDSHAKE_TIMEOUT, serverTlsOptions } from "./tls.js";

export interface ListenOptions extends Greeter {
  /** Default 127.0.0.1: other machines reach a node only if asked for. */
  readonly host?: string | undefined;
  /** 0 for any free port. */
  readonly port: number;
  /** The cluster's key, from `resolveSecret`. */
  readonly key: Buffer;
  /** Called with each peer that was accepted. The link's first messages wait until "message" is listened to. */
  readonly onLink: (link: LinkLike) => void;
  /** Milliseconds from the end of the TLS handshake to the answered hello. Default 5000. */
  readonly helloTimeout?: number | undefined;
  /** Milliseconds for the TLS handshake. Default 5000. */
  readonly handshakeTimeout?: number | undefined;
  /** Most sockets that have not proved the secret yet; beyond it, newcomers or stale ones are closed. Default 512. */
  readonly maxHandshakes?: number | undefined;
  readonly link?: LinkOptions | undefined;
  readonly logger?: LinkLogger | undefined;
}

export interface Listener {
  /** Where it listens; with port 0, the port that it got. */
  readonly address: Address;
  /** Stops accepting and drops whoever has no link yet. Links that exist belong to their owners and stay. */
  close(): Promise<void>;
}

/**
 * Listens for peers that hold the same secret.
 *
 * @throws ConnectionError if the address cannot be listened at
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { host = "127.0.0.1", port, key, onLink, logger = silentLogger } = options;
  const server = createServer({
    ...serverTlsOptions(key),
    handshakeTimeout: options.handshakeTimeout ?? HANDSHAKE_TIMEOUT,
  });
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_WS_PAYLOAD,
    // Links never send fragments.
    maxFragments: 4,
  });
  const door = { ...options, sessions: new Sessions(), link: options.link, logger };
  const connections = new Connections(options.maxHandshakes ?? 512, options.helloTimeout ?? 5000);

  server.on("connection", (socket: Socket) => connections.connected(socket, performance.now()));
  server.on("secureConnection", (socket: TLSSocket) => connections.authenticated(socket));
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    const remoteAddress = remoteOf(socket);
    if (error.code === "ERR_SSL_BINDER_DOES_NOT_VERIFY") {
      logger.warn(
        { remoteAddress, code: "PYDIST_E_AUTHENTICATION", cause: "it has a different secret" },
        "Refused a peer",
      );
    } else {
      logger.debug({ remoteAddress, code: error.code }, "Refused what is no peer");
    }
    socket.destroy();
  });
  server.on("clientError", (_error, socket: Duplex) => socket.destroy());
  server.on("request", (request, response) => {
    response.writeHead(request.headers.origin === undefined ? 426 : 403, { Connection: "close" }).end();
  });
  server.on("upgrade", (request: IncomingMessage, socket: TLSSocket, head: Buffer) => {
    socket.on("error", () => {});
    // No program of ours sends one: it is a browser, made to by a page that the user has open.
    if (request.headers.origin !== undefined) return reject(socket, "403 Forbidden");
    if (request.url !== LINK_PATH) return reject(socket, "404 Not Found");
    upgrades.handleUpgrade(request, socket, head, (ws) => {
      void greet(ws, socket, remoteOf(socket), door).then((link) => {
        if (link === undefined) return;
        connections.linked(socket);
        if (link !== "resumed") onLink(link);
      });
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(explainListenFailure(error, { host, port })));
    server.listen({ host, port }, resolve);
  });
  server.on("error", (error) => logger.warn({ cause: error.message }, "The listener had an error"));

  const bound = server.address() as AddressInfo;
  return {
    address: { host: bound.address, port: bound.port },
    close: () => {
      // Its callback would wait for the links, too; the port is free as soon as the call returns.
      server.close();
      server.closeAllConnections();
      return connections.close();
    },
  };
}

function reject(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function remoteOf(socket: Socket): string {
  return formatAddress({ host: plainHost(socket.remoteAddress ?? "unknown"), port: socket.remotePort ?? 0 });
}

function explainListenFailure(error: NodeJS.ErrnoException, { host, port }: Address): ConnectionError {
  const address = formatAddress({ host, port });
  return new ConnectionError(listenReason(error, host, port), { address, cause: error });
}

function listenReason(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case "EADDRINUSE":
      return (
        `Port ${port} on ${host} is taken by another process. Choose another one with --port, ` +
        "or --port 0 for any that is free."
      );
    case "EACCES":
      return `Port ${port} on ${host} needs more rights than this process has. Choose a port above 1023 with --port.`;
    case "EADDRNOTAVAIL":
      return `${host} is no address of this machine. Choose one of its own with --host, or 0.0.0.0 for all of them.`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The host name ${host} cannot be resolved (${error.code}). Give --host an address of this machine.`;
    default:
      return `Port ${port} on ${host} cannot be listened at: ${error.message}`;
  }
}
