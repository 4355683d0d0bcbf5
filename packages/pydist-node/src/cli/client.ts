import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { ConnectionError, decodeFrame, encodeFrame, type Frame, type Order } from "@pydist/protocol";
import type { OrderAnswer } from "../engine/orders.js";
import { dial, type HelloInput, type LinkLike, resolveSecret } from "../links/index.js";
import type { Secret } from "../links/secret.js";
import { type NodeInfo, toNodeInfos } from "../node/description.js";
import { VERSION } from "../version.js";
import type { Resolved, Settings } from "./settings.js";

/** What it takes to ask a node something. */
export const CLIENT_SETTINGS = ["address", "secretFile", "cluster", "connectTimeout"] as const;
type ClientSettings = Pick<Settings, (typeof CLIENT_SETTINGS)[number]>;

/** Each node waits up to 5 s for those below it before it answers; then it leaves them out. */
const ANSWER_TIME = 10_000;

type SecretSettings = Resolved<"secretFile">;

/**
 * The secret file to be given to `resolveSecret` or `ClusterNode`, which look at the variables themselves: a file that
 * the configuration file names comes after PYDIST_SECRET, one that a flag names before it.
 */
export function secretFileOption({ values, sources }: SecretSettings): { secretFile?: string } {
  const { secretFile } = values;
  const fromVariable =
    sources.secretFile === "variable" || (sources.secretFile === "file" && process.env.PYDIST_SECRET);
  return secretFile === undefined || fromVariable ? {} : { secretFile };
}

/** The secret that exists; a client never writes one. @throws AuthenticationError if there is none to be had */
export function existingSecret(settings: SecretSettings): Promise<Secret> {
  return resolveSecret({ ...secretFileOption(settings), env: process.env, mayGenerate: false });
}

export function clientHello(cluster: string): HelloInput {
  const id = randomUUID();
  const name = `pydist-node on ${hostname()}`;
  return { version: VERSION, role: "client", id, name, cluster, workers: 0 };
}

/** Dials the addresses in order, each once: who asks for a status wants to know now. */
async function dialAny({ address, cluster, connectTimeout }: ClientSettings, secret: Secret): Promise<LinkLike> {
  const failures: ConnectionError[] = [];
  for (const each of address) {
    try {
      return await dial(each, {
        key: secret.key,
        secretSource: secret.source,
        hello: clientHello(cluster),
        attemptTimeout: connectTimeout,
      });
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (first === undefined || failures.length === 1) throw first;
  throw new ConnectionError(failures.map(({ message }) => message).join(" "), {
    address: address.join(","),
    cause: first,
  });
}

/**
 * The node at the address, first, and all below it.
 * @throws ConnectionError, AuthenticationError, VersionMismatchError
 */
export async function askNodes(
  settings: Resolved<(typeof CLIENT_SETTINGS)[number]>,
): Promise<[asked: NodeInfo, ...below: NodeInfo[]]> {
  return withLink(settings, async (link) => {
    const answer = await answerTo(link, { t: "ask", id: 1, what: "nodes" });
    const [asked, ...below] = toNodeInfos(Array.isArray(answer) ? answer : []);
    if (asked === undefined)
      throw failed(link, "knows of no node: it is an executor that is attached to a cluster itself");
    return [asked, ...below];
  });
}

/** What became of an order; the node as the other commands print it. */
export type Obeyed = { readonly node: NodeInfo } | Exclude<OrderAnswer, { readonly node: unknown }>;

/**
 * Has a node drained, resumed, stopped or dumped: the one at the address, or the one that `node` names below it.
 * @throws ConnectionError, AuthenticationError, VersionMismatchError
 */
export async function orderNode(
  settings: Resolved<(typeof CLIENT_SETTINGS)[number] | "node">,
  order: Order,
): Promise<Obeyed> {
  return withLink(settings, async (link) => {
    const frame = { t: "order", id: 1, order, node: settings.values.node ?? null } as const;
    const answer = (await answerTo(link, frame)) as OrderAnswer;
    return "node" in answer ? { node: toNodeInfos([answer.node])[0] as NodeInfo } : answer;
  });
}

async function withLink<T>(
  settings: Resolved<(typeof CLIENT_SETTINGS)[number]>,
  use: (link: LinkLike) => Promise<T>,
): Promise<T> {
  const link = await dialAny(settings.values, await existingSecret(settings));
  try {
    return await use(link);
  } finally {
    await link.close("asked all there was to ask");
  }
}

function answerTo(link: LinkLike, question: Frame): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => reject(failed(link, `did not answer within ${ANSWER_TIME} ms: it is overloaded. Try again`)),
      ANSWER_TIME,
    );
    link.on("close", ({ detail }) => {
      clearTimeout(late);
      reject(failed(link, `closed the link before it answered (${detail}). Try again`));
    });
    link.on("message", (bytes) => {
      try {
        const { frame } = decodeFrame(bytes);
        if (frame.t !== "answer") return;
        clearTimeout(late);
        resolve(frame.value);
      } catch (error) {
        reject(error);
      }
    });
    link.send(encodeFrame(question));
  });
}

function failed(link: LinkLike, what: string): ConnectionError {
  return new ConnectionError(`${link.remoteAddress} ${what}.`, { address: link.remoteAddress });
}
