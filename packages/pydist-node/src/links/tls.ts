import type { ConnectionOptions, TlsOptions } from "node:tls";
import type { ClientOptions } from "ws";

/**
 * Authentication and encryption in one: TLS 1.3 with the cluster's key as pre-shared key and no certificate anywhere,
 * so a completed handshake is the proof that both sides hold the secret (invariant I7: before it nothing is parsed).
 */
const PSK_IDENTITY = "pydist";

/** Milliseconds that a peer has for the TLS handshake before its socket is closed. */
export const HANDSHAKE_TIMEOUT = 5000;

const PINNED = {
  // Unpinned, a TLS 1.2 cipher name still negotiates 1.3; and a callback's key is bound to the SHA-256 suites of 1.3.
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256",
} as const;

/** Options for `https.createServer`. There must be no `cert`: with one, a client without the secret would be let in. */
export function serverTlsOptions(key: Buffer): TlsOptions {
  return {
    ...PINNED,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    pskCallback: (_socket, identity) => (identity === PSK_IDENTITY ? key : null),
  };
}

/** `code` of the error with which a client refuses a server that shows a certificate instead of the secret. */
export const CERTIFICATE_SHOWN = "PYDIST_CERTIFICATE_SHOWN";

/** Options for a `ws` client. */
export function clientTlsOptions(key: Buffer): ClientOptions {
  const options: Omit<ConnectionOptions, "checkServerIdentity"> = {
    ...PINNED,
    pskCallback: () => ({ psk: key, identity: PSK_IDENTITY }),
    // Named although it is the default: NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise switch the check off.
    rejectUnauthorized: true,
  };
  // A server with a CA-signed certificate for the right name and no secret would be accepted without this.
  // Genuine peers never come here. It has to return the error: thrown, it would be an uncaught exception.
  const checkServerIdentity: unknown = () =>
    Object.assign(new Error("the server showed a certificate instead of the secret"), { code: CERTIFICATE_SHOWN });
  // The types of ws want a boolean, but it hands the function to tls.connect, whose types are right.
  return { ...options, checkServerIdentity } as ClientOptions;
}
