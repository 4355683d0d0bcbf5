import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type { HelloInput } from "../../packages/pydist-node/dist/links/index.js";
import { clientTlsOptions } from "../../packages/pydist-node/dist/links/tls.js";
import { KEY } from "./support.js";

/** Says hello as one who comes back to a session. @returns the answer */
export async function rawResume(address: string, hello: HelloInput, session: string, taken = 0): Promise<object> {
  const ws = new WebSocket(`wss://${address}/pydist`, { ...clientTlsOptions(KEY), perMessageDeflate: false });
  ws.on("error", () => {});
  onTestFinished(() => ws.terminate());
  await new Promise((resolve) => ws.once("open", resolve));
  const process = { node: "v20.0.0", pid: 1, host: "h", os: "linux", arch: "x64", extra: {} };
  ws.send(JSON.stringify({ ...hello, ...process, session, taken, protocol: { min: 1, max: 1 } }));
  return new Promise((resolve) => ws.once("message", (data) => resolve(JSON.parse(String(data)))));
}
