import { UsageError } from "pydist-node/cli";
import type { MailEvent } from "./job.js";

/*
 * What stands in a batch script is read by a shell and by a batch system, line by line: a value is checked before it gets
 * there, and what each system would read in its own way has one spelling here.
 */

function refuse(flag: string, value: string, why: string): never {
  throw new UsageError(`${flag}: ${JSON.stringify(value)} ${why}`);
}

/** One word for any batch system. @throws UsageError */
export function word(flag: string, value: string): string {
  if (/^[^\s\p{Cc}"'`\\#]{1,1024}$/u.test(value)) return value;
  return refuse(
    flag,
    value,
    "cannot stand in a batch script: write it without blanks, quotes, backslashes, # and control characters.",
  );
}

/** What all of them take as a job's name, and every shell as a part of a word. @throws UsageError */
export function jobName(flag: string, value: string): string {
  if (/^[A-Za-z][\w.-]{0,62}$/.test(value)) return value;
  return refuse(
    flag,
    value,
    "is no name for a batch job: it begins with a letter; up to 62 letters, digits, dots, dashes and underscores follow.",
  );
}

/** One line of text. @throws UsageError */
export function line(flag: string, value: string): string {
  if (/^[^\p{Cc}]+$/u.test(value)) return value;
  return refuse(flag, value, "is not one line of text.");
}

/** How pydist-node is called. @throws UsageError if a node would not hear of its end */
export function command(flag: string, value: string): string {
  if (!/^(?:\S+=\S*\s+|env\s+|exec\s+)*(?:\S*\/)?(?:npx|npm)\s/.test(value)) return line(flag, value);
  return refuse(
    flag,
    value,
    "keeps the signal before the end from the node: npm stays between, and where its shell is dash it hands no signal on. " +
      "Name the file that npx would run, by its path: --command /shared/project/node_modules/.bin/pydist-node.",
  );
}

/** @throws UsageError */
export function count(flag: string, value: string, most: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= 1 && number <= most) return number;
  return refuse(flag, value, `is not a whole number from 1 to ${most}.`);
}

const SECONDS = { d: 86_400, h: 3600, m: 60, s: 1 } as const;

/** Seconds of `01:30:00`, `1-12:00:00`, `90m`, `1h30m`. @throws UsageError */
export function time(flag: string, value: string): number {
  const clock = /^(?:(\d{1,4})-)?(\d{1,5}):([0-5]\d):([0-5]\d)$/.exec(value);
  const units = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/.exec(value);
  const [, ...parts] = clock ?? units ?? [];
  const [days, hours, minutes, seconds] = parts.map((part) => Number(part ?? 0));
  const total =
    (days ?? 0) * SECONDS.d + (hours ?? 0) * SECONDS.h + (minutes ?? 0) * SECONDS.m + (seconds ?? 0) * SECONDS.s;
  if (total > 0) return total;
  return refuse(
    flag,
    value,
    "is no time. Write 90m, 1h30m, 2d, 01:30:00 or 1-12:00:00; a bare number would be minutes for Slurm, and seconds for PBS and Grid Engine.",
  );
}

const MEBIBYTES = { k: 1 / 1024, m: 1, g: 1024, t: 1024 ** 2 } as const;

/** MiB of `512M`, `4G`, `1.5gb`, rounded up. @throws UsageError */
export function memory(flag: string, value: string): number {
  const [, number = "", unit = ""] = /^(\d{1,9}(?:\.\d{1,6})?)([kmgt])(?:i?b)?$/i.exec(value) ?? [];
  const size = Math.ceil(Number(number) * (MEBIBYTES[unit.toLowerCase() as keyof typeof MEBIBYTES] ?? 0));
  if (size > 0) return size;
  return refuse(
    flag,
    value,
    "is no size of memory. Write 512M, 4G or 1T; a bare number would be MiB for Slurm, and bytes for PBS and Grid Engine.",
  );
}

const EVENTS = ["begin", "end", "fail"] as const;

/** `begin,end,fail`, or `all`. @throws UsageError */
export function mailEvents(flag: string, value: string): MailEvent[] {
  const words = value
    .toLowerCase()
    .split(",")
    .map((each) => each.trim());
  if (words.length === 1 && words[0] === "all") return [...EVENTS];
  const chosen = EVENTS.filter((event) => words.includes(event));
  if (chosen.length > 0 && words.every((each) => (EVENTS as readonly string[]).includes(each))) return chosen;
  return refuse(flag, value, `is not made of ${EVENTS.join(", ")}, with commas between, or all.`);
}
