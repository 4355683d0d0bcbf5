import { onTestFinished } from "vitest";
import {
  type DialOptions,
  dial,
  formatAddress,
  type HelloInput,
  type LinkLike,
  type Listener,
  type ListenOptions,
  listen,
} from "../../packages/pydist-node/dist/links/index.js";
import type { LinkOptions } from "../../packages/pydist-node/dist/links/link-options.js";

export { Cable, listenOnAnyPort } from "../support/cable.js";
export { failure } from "../support/thrown.js";

export const KEY = Buffer.alloc(32, 1);
export const OTHER_KEY = Buffer.alloc(32, 2);

export function hello(id: string, fields: Partial<HelloInput> = {}): HelloInput {
  return {
    version: "0.1.0",
    role: "node",
    id,
    name: id,
    cluster: "default",
    workers: 2,
    ...fields,
  };
}

/** Keeps what a listener logs, as text. */
export function recorder() {
  const lines: string[] = [];
  const log = (fields: object, text: string) => void lines.push(`${text} ${Object.values(fields).join(" ")}`);
  return { lines, logger: { debug: log, warn: log } };
}

export interface Accepting {
  readonly listener: Listener;
  readonly address: string;
  readonly links: LinkLike[];
  /** The next link that is accepted, or an earlier one that nobody asked for yet. */
  nextLink(): Promise<LinkLike>;
}

/** A listener on any free port that ends with the test, together with its links. */
export async function accepting(options: Partial<ListenOptions> = {}): Promise<Accepting> {
  const links: LinkLike[] = [];
  const unclaimed: LinkLike[] = [];
  const waiting: ((link: LinkLike) => void)[] = [];
  const listener = await listen({
    port: 0,
    key: KEY,
    hello: () => hello("acceptor"),
    onLink: (link) => {
      links.push(link);
      const first = waiting.shift();
      if (first === undefined) unclaimed.push(link);
      else first(link);
    },
    ...options,
  });
  onTestFinished(async () => {
    for (const link of links) link.terminate();
    await Promise.all(links.map((link) => link.closed));
    await listener.close();
  });
  const nextLink = () => {
    const link = unclaimed.shift();
    return link === undefined ? new Promise<LinkLike>((resolve) => waiting.push(resolve)) : Promise.resolve(link);
  };
  return { listener, address: formatAddress(listener.address), links, nextLink };
}

/** One attempt whose link, if there is one, ends with the test. */
export async function dialling(address: string, options: Partial<DialOptions> = {}): Promise<LinkLike> {
  const link = await dial(address, { key: KEY, secretSource: "the-file", hello: hello("dialer"), ...options });
  onTestFinished(async () => {
    link.terminate();
    await link.closed;
  });
  return link;
}

/** Both ends of one link over a real socket, optionally with something between them. */
export async function linked(
  options: { link?: LinkOptions; through?: (port: number) => Promise<number> } = {},
): Promise<[dialed: LinkLike, accepted: LinkLike]> {
  const { listener, nextLink } = await accepting({ link: options.link });
  const { port } = listener.address;
  const dialed = await dialling(`127.0.0.1:${(await options.through?.(port)) ?? port}`, { link: options.link });
  return [dialed, await nextLink()];
}

/** Resolves with the next `count` messages. */
export function received(link: LinkLike, count = 1): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const messages: Uint8Array[] = [];
    const onMessage = (message: Uint8Array) => {
      messages.push(message);
      if (messages.length < count) return;
      link.off("message", onMessage);
      resolve(messages);
    };
    link.on("message", onMessage);
    void link.closed.then((reason) => reject(new Error(`closed after ${messages.length}: ${JSON.stringify(reason)}`)));
  });
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(message: Uint8Array): string {
  return new TextDecoder().decode(message);
}
