// The other side of raw-ws: echoes every message, if asked to by way of a worker thread.
import { createServer } from "node:https";
import { Worker } from "node:worker_threads";
import { LIMITS, serverOptions, WebSocketServer } from "./raw-tls.mjs";

process.once("message", (/** @type {any} */ { key, thread }) => {
  const server = createServer(serverOptions(Buffer.from(key, "base64")));
  const sockets = new WebSocketServer({ server, ...LIMITS });
  sockets.on("connection", (socket) => {
    if (!thread) {
      socket.on("message", (message) => socket.send(message));
      return;
    }
    const worker = new Worker(new URL("../peers/threads/raw.mjs", import.meta.url));
    worker.on("message", (answer) => socket.send(answer));
    // A copy: cloning a small Buffer would clone the whole slab of memory that it lies in.
    socket.on("message", (message) => worker.postMessage(new Uint8Array(/** @type {Buffer} */ (message))));
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.send?.({ port: typeof address === "object" ? address?.port : undefined });
  });
});
process.on("disconnect", () => process.exit());
