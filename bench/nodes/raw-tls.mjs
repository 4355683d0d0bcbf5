import { createRequire } from "node:module";

// The very copy of ws that the nodes use.
const ws = createRequire(import.meta.resolve("pydist-node"))("ws");
export const { WebSocket, WebSocketServer } = ws;

const IDENTITY = "bench";
const PINNED = /** @type {const} */ ({
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256",
});
/** As generous as ws can be: the whole array is one message here. */
export const LIMITS = { perMessageDeflate: false, maxPayload: 2 ** 31 - 1, maxFragments: 4 };

/** @param {Buffer} key */
export function serverOptions(key) {
  return { ...PINNED, pskCallback: (_socket, identity) => (identity === IDENTITY ? key : null) };
}

/** @param {Buffer} key @returns {any} the TLS options that ws hands on are not in its types */
export function clientOptions(key) {
  return {
    ...PINNED,
    ...LIMITS,
    pskCallback: () => ({ psk: key, identity: IDENTITY }),
    checkServerIdentity: () => new Error("the server showed a certificate"),
    generateMask: (mask) => mask.fill(0),
  };
}
