import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { formatAddress } from "pydist-node";

/** The state of a socket that listens, as Linux writes it. */
const LISTENING = "0A";

/** Where a process listens for connections, `host:port`, as Linux has it. A process that is gone listens nowhere. */
export function listeners(pid: number): string[] {
  const inodes = new Set(socketsOf(pid));
  return ["tcp", "tcp6"].flatMap((kind) =>
    readFileSync(`/proc/net/${kind}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === LISTENING && inodes.has(columns[9] ?? ""))
      .map((columns) => addressOf(columns[1] ?? "")),
  );
}

function socketsOf(pid: number): string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).flatMap((file) => /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${file}`))?.[1] ?? []);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** Words of four bytes in the machine's own order, in hex; the port as it is. */
function addressOf(text: string): string {
  const [hex = "", port = ""] = text.split(":");
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, "hex").reverse()]);
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  const host = bytes.length === 4 ? bytes.join(".") : new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
  return formatAddress({ host, port: Number.parseInt(port, 16) });
}
