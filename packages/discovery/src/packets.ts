import { isIPv4, isIPv6 } from "node:net";
import type { Answer, Packet, TxtData } from "dns-packet";
import { parseAddress } from "pydist-node";
import { type Announcement, makeRoot } from "./announcement.js";

/*
 * DNS-based service discovery (RFC 6763) in packets of multicast DNS (RFC 6762), so that the tools of any system list
 * nodes, too. What pydist reads is in the TXT record; the others are for those tools.
 */

const SERVICE = "_pydist._tcp.local";
/** Bit 10 of the header: the answers are the sender's own. */
const AUTHORITATIVE = 1 << 10;
/** What an answer's own records have in place of the class IN: they replace what was known. */
const FLUSH = true;

export function makeQuestion(): Packet {
  return { type: "query", id: 0, questions: [{ name: SERVICE, type: "PTR" }] };
}

export function isQuestion({ type, questions = [] }: Packet): boolean {
  return type === "query" && questions.some(({ name, type }) => isSame(name, SERVICE) && ["PTR", "ANY"].includes(type));
}

/** @param ttl seconds; 0 takes it back */
export function makeAnnouncement(announcement: Announcement, ttl: number): Packet {
  const { id, name, cluster, version, address, root } = announcement;
  const { host, port } = parseAddress(address);
  const instance = `${id}.${SERVICE}`;
  const ip = isIPv4(host) || isIPv6(host);
  const target = ip ? `${id}.local` : host;
  const fields = {
    txtvers: 1,
    name: short(name),
    cluster,
    version,
    address,
    root: root.id,
    since: root.since,
    at: root.address,
  };
  const data = Object.entries(fields).map(([key, value]) => `${key}=${value}`);
  const owner: Answer[] = ip
    ? [{ type: isIPv4(host) ? "A" : "AAAA", name: target, ttl, flush: FLUSH, data: host }]
    : [];
  return {
    type: "response",
    id: 0,
    flags: AUTHORITATIVE,
    answers: [{ type: "PTR", name: SERVICE, ttl, data: instance }],
    additionals: [
      { type: "SRV", name: instance, ttl, flush: FLUSH, data: { port, target, priority: 0, weight: 0 } },
      { type: "TXT", name: instance, ttl, flush: FLUSH, data },
      ...owner,
    ],
  };
}

export interface Told {
  readonly announcement: Announcement;
  /** Seconds that it holds. */
  readonly ttl: number;
}

/** What a packet announces of nodes. Anybody can send anything: what makes no sense is passed over. */
export function announcementsIn({ type, answers = [], additionals = [] }: Packet): Told[] {
  if (type !== "response") return [];
  return [...answers, ...additionals].flatMap((record) => {
    if (record.type !== "TXT" || !isSame(record.name.slice(-SERVICE.length - 1), `.${SERVICE}`)) return [];
    const announcement = read(record.name.slice(0, -SERVICE.length - 1), record.data);
    return announcement === undefined ? [] : [{ announcement, ttl: record.ttl ?? 0 }];
  });
}

function read(id: string, data: TxtData): Announcement | undefined {
  const fields = new Map<string, string>();
  for (const each of Array.isArray(data) ? data : [data]) {
    const [, key = "", value = ""] = /^(\w+)=(.*)$/s.exec(each.toString()) ?? [];
    if (!fields.has(key)) fields.set(key, value);
  }
  const field = (key: string): string => fields.get(key) ?? "";
  const [name, cluster, version] = [field("name"), field("cluster"), field("version")];
  const [root, since, at] = [field("root"), Number(field("since")), field("at")];
  if (![id, name, cluster, version, root].every((text) => LABEL.test(text)) || !Number.isSafeInteger(since)) return;
  const address = field("address");
  try {
    if (parseAddress(address).port === 0 || parseAddress(at).port === 0) return;
    return { id, name, cluster, version, address, root: makeRoot(root, since, at) };
  } catch {
    return;
  }
}

/** A text of one line, as names of nodes and clusters are. */
const LABEL = /^[^\p{Cc}]{1,255}$/u;

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** One string of a TXT record has at most 255 bytes; of a name for people, its begin will do. */
function short(name: string): string {
  return Buffer.from(name)
    .subarray(0, 200)
    .toString()
    .replace(/\uFFFD$/, "");
}
