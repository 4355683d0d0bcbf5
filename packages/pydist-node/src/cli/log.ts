import { hostname } from "node:os";
import { pino } from "pino";
import type { Logger } from "../logger.js";
import { plain, styled } from "./output.js";
import type { Settings } from "./settings.js";

const STYLE = { warn: "yellow", error: "red", fatal: "red" } as const;

/** Fields that a person at a terminal has no use for. */
const LEFT_OUT = new Set(["level", "time", "pid", "hostname", "msg"]);

/**
 * Logs on stderr: lines for people on a terminal, JSON lines elsewhere.
 * @param pid of the process that the user started
 */
export function makeLogger(level: Settings["logLevel"], pid = process.pid): Logger {
  const options = {
    level,
    base: { pid, hostname: hostname() },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (process.stderr.isTTY) return pino(options, { write: (line: string) => process.stderr.write(forPeople(line)) });
  // Synchronous: the last lines before an exit are those that matter.
  const destination = pino.destination({ fd: 2, sync: true });
  // Nobody reads any more; the node's work does not depend on it.
  destination.on("error", () => {});
  return pino(options, destination);
}

function forPeople(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const level = String(entry.level);
  const time = new Date(String(entry.time)).toTimeString().slice(0, 8);
  const fields = Object.entries(entry)
    .filter(([key]) => !LEFT_OUT.has(key))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
  const style = level in STYLE ? STYLE[level as keyof typeof STYLE] : "dim";
  const head = styled(style, `${time} ${level.toUpperCase().padEnd(5)}`, process.stderr);
  return `${head} ${plain(String(entry.msg))}${fields === "" ? "" : ` ${styled("dim", plain(fields), process.stderr)}`}\n`;
}
