import { hkdfSync } from "node:crypto";
import { once } from "node:events";
import { ask, startProcess } from "../nodes/processes.mjs";
import { clientOptions, WebSocket } from "../nodes/raw-tls.mjs";
import { timeTrips } from "./work.mjs";

/** ws over TLS 1.3 with a pre-shared key, to a process that echoes, by itself or through a worker thread. */
export async function open({ thread }) {
  const server = startProcess(new URL("../nodes/ws-server.mjs", import.meta.url));
  const key = Buffer.from(hkdfSync("sha256", process.env.PYDIST_SECRET ?? "", "", "bench", 32)).toString("base64");
  const { port } = await ask(server, { key, thread });
  const socket = new WebSocket(`wss://127.0.0.1:${port}`, clientOptions(Buffer.from(key, "base64")));
  await once(socket, "open");
  const trip = async (message) => {
    socket.send(message);
    return (await once(socket, "message"))[0];
  };
  return {
    latency: ({ trips }) =>
      timeTrips(trips, async (i) => {
        const message = Buffer.alloc(64);
        message.writeUInt32LE(i);
        return (await trip(message)).readUInt32LE();
      }),
    echo: async ({ values }) => {
      const sent = Float64Array.from({ length: values }, (_, i) => i + 0.5);
      const before = performance.now();
      const answer = await trip(new Uint8Array(sent.buffer));
      const ms = performance.now() - before;
      const received = new Float64Array(answer.buffer.slice(answer.byteOffset, answer.byteOffset + answer.length));
      if (received.length !== values || received.at(-1) !== values - 0.5) throw new Error("the echo is wrong");
      return { ms };
    },
    close: () => {
      socket.terminate();
      server.disconnect();
    },
  };
}
