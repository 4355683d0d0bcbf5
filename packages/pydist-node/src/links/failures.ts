import {
  AuthenticationError,
  ConnectionError,
  CycleError,
  type PydistError,
  ShutdownError,
  VersionMismatchError,
} from "@pydist/protocol";
import { clusterMismatch, type Hello, type Refusal, versionMismatch } from "./hello.js";
import { CERTIFICATE_SHOWN } from "./tls.js";

/**
 * Names what went wrong before there was a connection on which to say hello.
 *
 * @param where the address that was dialled
 * @param secretSource where this process has its secret from
 */
export function explainDialFailure(error: Error, where: string, secretSource: string): PydistError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  // OpenSSL's text, with the alert's number as the part that its versions agree on: 47 is what a binder under another
  // key is answered with, 20 and 51 are what broken records and proofs are.
  if (
    code === "EPROTO" &&
    /alert number (20|47|51)\b|illegal parameter|bad record mac|decrypt error/.test(error.message)
  ) {
    return new AuthenticationError(
      `${where} has a different secret than this process, whose secret comes from ${secretSource}. Compare the two: ` +
        "`pydist-node secret` on each machine says where its secret is. Copy the root's to the other one.",
      { cause: error },
    );
  }
  if (code === CERTIFICATE_SHOWN || /^(CERT_|ERR_TLS_CERT_)|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    return new AuthenticationError(
      `${where} showed a certificate instead of proving that it has the cluster's secret: it is no pydist node, or ` +
        "someone stands between. Check the address.",
      { cause: error },
    );
  }
  return new ConnectionError(reasonOf(code, error, where), { address: where, cause: error });
}

function reasonOf(code: string, error: Error, where: string): string {
  switch (code) {
    case "ECONNREFUSED":
      return `Nothing listens at ${where}. Start a node there (pydist-node spawn), or check the address.`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_NODATA":
      return `The host name in ${where} cannot be resolved (${code}). Check its spelling, or use the IP address.`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "ETIMEDOUT":
      return `${where} cannot be reached (${code}). Check the address, the network and firewalls between.`;
    case "EPROTO":
      return `${where} is no pydist node: something else answers there. Check the address.`;
    case "ECONNRESET":
    case "EPIPE":
      return `${where} closed the connection during the handshake: it is shutting down, overrun, or no pydist node.`;
    default:
      return `${where} cannot be connected to: ${error.message || code}`;
  }
}

/** The error that a dialled peer's refusal means here. */
export function refusalToError(refusal: Refusal, ours: Hello, where: string): PydistError {
  const { code, message, cycle, hello } = refusal;
  switch (code) {
    case "PYDIST_E_AUTHENTICATION":
      // Both sides name themselves first; so this one words the reason itself where it can.
      return (hello && clusterMismatch(ours, hello, where)) ?? new AuthenticationError(message);
    case "PYDIST_E_VERSION_MISMATCH":
      return (
        (hello && versionMismatch(ours, hello, where)) ??
        new VersionMismatchError(message, { ours: ours.version, theirs: hello?.version ?? "unknown" })
      );
    case "PYDIST_E_CYCLE":
      return new CycleError(message, { cycle: cycle ?? [] });
    case "PYDIST_E_SHUTDOWN":
      return new ShutdownError(message);
    default:
      return new ConnectionError(`${where} refused the connection: ${message}`, { address: where });
  }
}

/** The opposite of {@link refusalToError}. */
export function errorToRefusal(error: PydistError, ours: Hello): Refusal {
  const { protocol, version, name, cluster } = ours;
  return {
    code: error.code,
    message: error.message,
    hello: { protocol, version, name, cluster },
    ...(error instanceof CycleError ? { cycle: [...error.cycle] } : {}),
  };
}
