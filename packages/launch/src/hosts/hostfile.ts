import { readFile } from "node:fs/promises";
import { formatAddress, parseAddress } from "pydist-node";
import { UsageError } from "pydist-node/cli";

/** One line of a host file: a node to be. */
export interface Host {
  /** As it stands in the file, without the user: what people read, and the node's name. */
  readonly name: string;
  /** What ssh is given: `host` or `user@host`, as the user's ssh configuration knows it. */
  readonly destination: string;
  /** Where its node listens. */
  readonly port: number;
  /** Undefined: every core. */
  readonly workers: number | undefined;
}

const WORKERS = /^(?:workers|slots)=(\d{1,4})$/;

/**
 * Reads a file with a machine on each line, `[user@]host[:port] [workers=N]`; blank lines and what is behind # do not count.
 * @throws UsageError with the file and the line
 */
export async function readHostfile(file: string): Promise<Host[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(`--hostfile: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  const hosts = parseHostfile(text, file);
  if (hosts.length > 0) return hosts;
  throw new UsageError(
    `--hostfile: ${file} names no machine. Write one on each line, for example node7:9000 workers=4.`,
  );
}

/** @param file what errors call it */
function parseHostfile(text: string, file: string): Host[] {
  const lines = new Map<string, number>();
  return text.split(/\r?\n/).flatMap((line, index) => {
    const where = `${file}:${index + 1}`;
    const [first, ...rest] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (first === undefined || first === "") return [];
    const host = parseHost(first, rest, where);
    const place = `${host.destination} ${host.port}`;
    const earlier = lines.get(place);
    if (earlier !== undefined) {
      throw new UsageError(
        `${where}: ${host.name} stands in line ${earlier} already. Give a second node there a port of its own, ` +
          `for example ${first.replace(/:\d+$/, "")}:${host.port + 1}.`,
      );
    }
    lines.set(place, index + 1);
    return [host];
  });
}

function parseHost(first: string, rest: readonly string[], where: string): Host {
  const [, user = "", place = ""] = /^((?:[^@\s]+@)?)(.*)$/.exec(first) ?? [];
  // What begins with a dash would be an option of ssh's.
  if (first.startsWith("-") || place.startsWith("-"))
    throw new UsageError(`${where}: "${first}" is no machine's name.`);
  const { host, port } = addressOf(place, first, where);
  let workers: number | undefined;
  for (const word of rest) {
    const count = WORKERS.exec(word)?.[1];
    if (count === undefined) {
      throw new UsageError(`${where}: "${word}" is not understood. Behind a machine stands workers=N, or nothing.`);
    }
    workers = Number(count);
  }
  return { name: place, destination: `${user}${host}`, port, workers };
}

function addressOf(place: string, first: string, where: string): { readonly host: string; readonly port: number } {
  try {
    const address = parseAddress(place);
    if (place.startsWith(":") || address.port === 0) throw new RangeError(formatAddress(address));
    return address;
  } catch {
    throw new UsageError(
      `${where}: "${first}" is no machine. Write [user@]host or [user@]host:port, with the port at which its node is to ` +
        "listen (1 to 65535; 9000 if there is none); ssh's own port is ssh's to know (~/.ssh/config, or --ssh-option -pPORT).",
    );
  }
}
