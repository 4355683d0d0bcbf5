import { isIPv6 } from "node:net";
import * as v from "valibot";
import { checkAddress, formatAddress, parseAddress, readScheme } from "../links/index.js";
import { didYouMean } from "./similar.js";

/**
 * One kind of value that a setting can have. Flags and variables are text, the configuration file is JSON: both end in
 * the same schema, whose messages complete the sentence that begins with the place, as in `--port: "x" is not ...`.
 */
export interface Kind<T> {
  /** What a text stands for; a text that stands for nothing stays as it is, so that the schema names it. */
  readonly fromText: (text: string) => unknown;
  readonly schema: v.GenericSchema<unknown, T>;
}

interface Refused {
  readonly input: unknown;
}

function notA(what: string): (issue: Refused) => string {
  return ({ input }) => `${JSON.stringify(input)} is not ${what}.`;
}

const asIs = (text: string): string => text;

export function wholeNumber(least: number, most: number): Kind<number> {
  const message = notA(`a whole number from ${least} to ${most}`);
  return {
    fromText: (text) => (/^\s*-?\d+\s*$/.test(text) ? Number(text) : text),
    schema: v.pipe(v.number(message), v.integer(message), v.minValue(least, message), v.maxValue(most, message)),
  };
}

const WORDS: Readonly<Record<string, boolean>> = {
  "1": true,
  true: true,
  yes: true,
  on: true,
  "0": false,
  false: false,
  no: false,
  off: false,
};

export const yesOrNo: Kind<boolean> = {
  fromText: (text) => WORDS[text.trim().toLowerCase()] ?? text,
  schema: v.boolean(notA("true or false (1 or 0 will do)")),
};

/** A text of one line that people read. @param what with its article */
export function label(what: string): Kind<string> {
  const message = notA(`${what}: 1 to 255 characters, none of them a control character`);
  return {
    fromText: asIs,
    schema: v.pipe(v.string(message), v.regex(/^[^\p{Cc}]{1,255}$/u, message)),
  };
}

export const path: Kind<string> = {
  fromText: asIs,
  schema: v.pipe(v.string(notA("a path")), v.nonEmpty(notA("a path"))),
};

export function oneOf<const T extends string>(words: readonly T[]): Kind<T> {
  return {
    fromText: (text) => text.trim().toLowerCase(),
    schema: v.picklist(
      words,
      ({ input }) =>
        `${JSON.stringify(input)} is none of ${words.join(", ")}.${typeof input === "string" ? didYouMean(input, words) : ""}`,
    ),
  };
}

/** Where to listen: a name or an IP address without a port. */
export const host: Kind<string> = {
  fromText: asIs,
  schema: v.pipe(
    v.string(notA("a host")),
    v.transform((text) => text.trim().replace(/^\[(.*)\]$/, "$1")),
    v.check(
      (text) => isIPv6(text) || /^[^\s:/[\]@]+$/.test(text),
      ({ input }) =>
        `${JSON.stringify(input)} is not a host. Write a name or an IP address; the port has a flag of its own, --port.`,
    ),
  ),
};

const TIME = "a time. Write a number with its unit, as 30s, 10m or 2h, or forever";
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** 0 for no limit; undefined for what is no time. */
function milliseconds(given: string | number): number | undefined {
  const text = String(given).trim().toLowerCase();
  if (text === "forever") return 0;
  const { amount, unit = "ms" } = /^(?<amount>\d+(?:\.\d+)?)\s*(?<unit>ms|s|m|h|d)?$/.exec(text)?.groups ?? {};
  return amount === undefined ? undefined : Number(amount) * (UNITS[unit] as number);
}

/** A time in milliseconds, or with its unit. 0 and "forever" are no limit: undefined. */
export const time: Kind<number | undefined> = {
  fromText: asIs,
  schema: v.pipe(
    v.union([v.string(), v.number()], notA(TIME)),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const time = milliseconds(dataset.value);
      if (time !== undefined) return time === 0 ? undefined : time;
      addIssue({ message: notA(TIME)({ input: dataset.value }) });
      return NEVER;
    }),
  ),
};

function dialable(text: string): string {
  if (readScheme(text) !== undefined) {
    throw new TypeError(`"${text.trim()}" is for programs. A node that is to find others is started with --discover.`);
  }
  const address = parseAddress(text);
  if (address.port === 0)
    throw new RangeError(`"${text}" has port 0, at which nobody can be reached. Write the real port.`);
  return formatAddress(address);
}

/** Addresses that are read by this, as `host:port`; a text holds one or several, with commas between. */
function listOf(read: (text: string) => string): Kind<readonly string[]> {
  return {
    fromText: asIs,
    schema: v.pipe(
      v.union(
        [v.string(), v.pipe(v.array(v.string()), v.minLength(1, notA("an address, or a list of addresses")))],
        notA("an address, or a list of addresses"),
      ),
      v.rawTransform(({ dataset, addIssue, NEVER }) => {
        const texts = typeof dataset.value === "string" ? dataset.value.split(",") : dataset.value;
        try {
          return texts.map(read);
        } catch (error) {
          addIssue({ message: (error as Error).message });
          return NEVER;
        }
      }),
    ),
  };
}

/** Nodes to dial. */
export const addresses = listOf(dialable);

/** The same, or what leads to them, such as `discover:`. */
export const addressesOrSchemes = listOf((text) =>
  readScheme(text) === undefined ? dialable(text) : checkAddress(text),
);

export const address: Kind<string> = {
  fromText: asIs,
  schema: v.pipe(
    v.string(notA("an address")),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return dialable(dataset.value);
      } catch (error) {
        addIssue({ message: (error as Error).message });
        return NEVER;
      }
    }),
  ),
};
