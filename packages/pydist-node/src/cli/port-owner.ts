import { readdir, readFile, readlink } from "node:fs/promises";

/** The state of a socket that listens, as the kernel's table writes it. */
const LISTENING = "0A";

/**
 * Which process listens at a port of this machine, as far as this user may know: of other users' processes only root
 * knows. Undefined as well where there is no such table, as on anything but Linux.
 */
export async function portOwner(port: number): Promise<{ readonly pid: number; readonly command: string } | undefined> {
  if (process.platform !== "linux") return undefined;
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => "")),
  );
  const sockets = new Set(tables.flatMap((table) => listenersIn(table, port)));
  if (sockets.size === 0) return undefined;
  const processes = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    if (!(await holdsOne(pid, sockets))) continue;
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return { pid: Number(pid), command: words.replaceAll("\0", " ").trim() };
  }
  return undefined;
}

/** Inodes of the sockets that listen at the port, as `/proc` links to them. */
function listenersIn(table: string, port: number): string[] {
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => state === LISTENING && Number.parseInt(local.split(":")[1] ?? "", 16) === port)
    .map((columns) => `socket:[${columns[9]}]`);
}

async function holdsOne(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => "")));
  return links.some((link) => sockets.has(link));
}
