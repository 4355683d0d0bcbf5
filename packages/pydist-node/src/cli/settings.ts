import * as v from "valibot";
import {
  DEFAULT_CLUSTER,
  DEFAULT_CONNECT_TIMEOUT,
  DEFAULT_DRAIN_GRACE,
  DEFAULT_HOP_LIMIT,
  LEAST_WORKER_MEMORY,
} from "../defaults.js";
import { DEFAULT_HOST, DEFAULT_PORT, formatAddress } from "../links/address.js";
import { DEFAULT_CACHE_SIZE } from "../store/cache-folder.js";
import { CONFIG_FILE, type ConfigFile } from "./config-file.js";
import { UsageError } from "./exit-codes.js";
import {
  address,
  addresses,
  addressesOrSchemes,
  host,
  type Kind,
  label,
  oneOf,
  path,
  time,
  wholeNumber,
  yesOrNo,
} from "./kinds.js";
import { didYouMean } from "./similar.js";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** All that can be set for `pydist-node`, whichever subcommand reads it. */
export interface Settings {
  readonly address: readonly string[];
  /** Undefined: the node at the address. */
  readonly node: string | undefined;
  readonly parent: readonly string[];
  readonly awaitParent: boolean;
  readonly children: readonly string[];
  readonly discover: boolean;
  readonly host: string;
  readonly port: number;
  /** Undefined: every core. */
  readonly workers: number | undefined;
  readonly oversubscribe: boolean;
  readonly tasksPerWorker: number;
  /** Undefined: what Node gives a thread. */
  readonly workerMemory: number | undefined;
  /** Undefined: made up from the machine's name. */
  readonly name: string | undefined;
  /** Undefined: the variables and the default file decide (`resolveSecret`). */
  readonly secretFile: string | undefined;
  readonly cluster: string;
  readonly allowExec: boolean;
  readonly whenIdle: boolean;
  readonly hopLimit: number;
  readonly advertise: string | undefined;
  /** Undefined: as many as come. */
  readonly maxChildren: number | undefined;
  /** Undefined: the user's folder for caches. */
  readonly cacheDir: string | undefined;
  readonly cacheSize: number;
  readonly connectTimeout: number;
  /** Milliseconds. Undefined: forever. */
  readonly reconnect: number | undefined;
  readonly drainGrace: number;
  readonly noSupervise: boolean;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly json: boolean;
}

export type SettingName = keyof Settings;

export interface Setting<T> {
  readonly kind: Kind<T>;
  /** What stands for the value in the help; none for a flag without a value. */
  readonly placeholder?: string;
  readonly help: string;
  readonly default: T;
}

const MOST_MEBIBYTES = 2 ** 30;
const MOST_MILLISECONDS = 2 ** 31 - 1;

/** Each has the flag `--kebab-case`, the variable `PYDIST_SNAKE_CASE` and the key `camelCase` in pydist.config.json. */
export const SETTINGS: { readonly [K in SettingName]: Setting<Settings[K]> } = {
  address: {
    kind: addressesOrSchemes,
    placeholder: "ADDRESS",
    help: "the node, host:port, by default 127.0.0.1:9000, or discover:; several with commas between are tried in order",
    default: [formatAddress({ host: DEFAULT_HOST, port: DEFAULT_PORT })],
  },
  node: {
    kind: label("a node's name or id"),
    placeholder: "NODE",
    help: "name or id of a node below the one at the address, which is meant instead",
    default: undefined,
  },
  parent: {
    kind: addresses,
    placeholder: "HOST:PORT",
    help: "join this node; several with commas between are tried in order; without it, spawn starts a root",
    default: [],
  },
  awaitParent: {
    kind: yesOrNo,
    help: "let the parent dial this node, which dials nobody (see --children)",
    default: false,
  },
  children: {
    kind: addresses,
    placeholder: "HOST:PORT",
    help: "dial these nodes, started with --await-parent, to be children; several with commas between",
    default: [],
  },
  discover: {
    kind: yesOrNo,
    help: "be found by others of the cluster on this network; without --parent, find them and join them",
    default: false,
  },
  host: {
    kind: host,
    placeholder: "HOST",
    help: "where to listen; 0.0.0.0 lets other machines in",
    default: DEFAULT_HOST,
  },
  port: {
    kind: wholeNumber(0, 65_535),
    placeholder: "PORT",
    help: "where to listen; 0 for any free port",
    default: DEFAULT_PORT,
  },
  workers: {
    kind: wholeNumber(0, 4096),
    placeholder: "N",
    help: "worker threads, by default one for each core; 0 makes a node that only routes",
    default: undefined,
  },
  oversubscribe: { kind: yesOrNo, help: "allow more workers than cores", default: false },
  tasksPerWorker: {
    kind: wholeNumber(1, 65_536),
    placeholder: "N",
    help: "tasks that a worker runs at once, for tasks that mostly wait",
    default: 1,
  },
  workerMemory: {
    kind: wholeNumber(LEAST_WORKER_MEMORY, MOST_MEBIBYTES),
    placeholder: "MIB",
    help: "most MiB that a worker may have on its heap, and as many outside it; by default what Node gives it",
    default: undefined,
  },
  name: {
    kind: label("a name"),
    placeholder: "NAME",
    help: "what people read; by default made from the machine's name",
    default: undefined,
  },
  secretFile: {
    kind: path,
    placeholder: "FILE",
    help: "where the cluster's secret is, - for standard input; by default pydist/secret in the user's configuration folder",
    default: undefined,
  },
  cluster: {
    kind: label("a cluster's name"),
    placeholder: "NAME",
    help: "nodes of different clusters refuse each other",
    default: DEFAULT_CLUSTER,
  },
  allowExec: {
    kind: yesOrNo,
    help: "run programs for whoever holds the secret (pydist-node run, submit)",
    default: false,
  },
  whenIdle: {
    kind: yesOrNo,
    help: "begin tasks only while nobody else needs the machine",
    default: false,
  },
  hopLimit: {
    kind: wholeNumber(0, 1000),
    placeholder: "N",
    help: "no task travels more links below this node",
    default: DEFAULT_HOP_LIMIT,
  },
  advertise: {
    kind: address,
    placeholder: "HOST:PORT",
    help: "what others dial to reach this node, if it is not where it listens",
    default: undefined,
  },
  maxChildren: {
    kind: wholeNumber(1, 100_000),
    placeholder: "N",
    help: "send nodes beyond that number on to those that have joined; by default all stay",
    default: undefined,
  },
  cacheDir: {
    kind: path,
    placeholder: "FOLDER",
    help: "where files are kept that tasks need; by default pydist in the user's folder for caches",
    default: undefined,
  },
  cacheSize: {
    kind: wholeNumber(1, MOST_MEBIBYTES),
    placeholder: "MIB",
    help: "most MiB that are kept there; what was used longest ago goes first",
    default: DEFAULT_CACHE_SIZE,
  },
  connectTimeout: {
    kind: wholeNumber(1, MOST_MILLISECONDS),
    placeholder: "MS",
    help: "milliseconds to find the other node",
    default: DEFAULT_CONNECT_TIMEOUT,
  },
  reconnect: {
    kind: time,
    placeholder: "TIME",
    help: "how long to look for a way back after the parent was lost, as 30s, 10m or 2h; by default forever",
    default: undefined,
  },
  drainGrace: {
    kind: wholeNumber(0, MOST_MILLISECONDS),
    placeholder: "MS",
    help: "milliseconds for what runs to end when the node is asked to leave",
    default: DEFAULT_DRAIN_GRACE,
  },
  noSupervise: {
    kind: yesOrNo,
    help: "run without a supervisor, which starts the node again when its process dies",
    default: false,
  },
  logLevel: {
    kind: oneOf(LOG_LEVELS),
    placeholder: "LEVEL",
    help: `${LOG_LEVELS.join(", ")}; on stderr`,
    default: "info",
  },
  json: { kind: yesOrNo, help: "print JSON instead of text", default: false },
};

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export function flagOf(name: SettingName): string {
  return name === "address" ? "ADDRESS" : `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function variableOf(name: SettingName): string {
  return `PYDIST_${name.replace(/[A-Z]/g, "_$&").toUpperCase()}`;
}

/** Where a value came from; earlier ones win. */
export type Source = "flag" | "variable" | "file" | "default";

export interface Resolved<K extends SettingName> {
  readonly values: Pick<Settings, K>;
  readonly sources: Readonly<Record<K, Source>>;
}

export interface Inputs {
  /** What was given on the command line, as text; true for a flag without a value. */
  readonly flags: Readonly<Partial<Record<SettingName, string | true>>>;
  readonly env: NodeJS.ProcessEnv;
  readonly file: ConfigFile | undefined;
}

/**
 * The settings that a subcommand asked for: flag, then environment, then configuration file, then default.
 * @throws UsageError naming the place, the value and what is allowed
 */
export function resolveSettings<K extends SettingName>(names: readonly K[], inputs: Inputs): Resolved<K> {
  const file = checkFile(inputs.file);
  const values: Partial<Record<SettingName, unknown>> = {};
  const sources: Partial<Record<SettingName, Source>> = {};
  for (const name of names) [values[name], sources[name]] = find(name, inputs, file);
  return { values: values as Pick<Settings, K>, sources: sources as Record<K, Source> };
}

function find(name: SettingName, { flags, env }: Inputs, file: Readonly<Record<string, unknown>>): [unknown, Source] {
  const { kind } = SETTINGS[name];
  const flag = flags[name];
  if (flag !== undefined) return [check(name, flagOf(name), flag === true ? true : kind.fromText(flag)), "flag"];
  const variable = env[variableOf(name)];
  // An empty variable is how shells unset one for a single command.
  if (variable) return [check(name, variableOf(name), kind.fromText(variable)), "variable"];
  if (Object.hasOwn(file, name)) return [file[name], "file"];
  return [SETTINGS[name].default, "default"];
}

function check(name: SettingName, where: string, value: unknown): unknown {
  const result = v.safeParse(SETTINGS[name].kind.schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new UsageError(`${where}: ${result.issues[0].message}`);
}

/** The whole file is looked at, whatever is asked of it: a mistake in it should not wait for the day it matters. */
function checkFile(file: ConfigFile | undefined): Readonly<Record<string, unknown>> {
  const checked: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(file?.content ?? {})) {
    if (key === "$schema") continue;
    if (!Object.hasOwn(SETTINGS, key)) throw new UsageError(unknownKey(key));
    checked[key] = check(key as SettingName, `${key} in ${CONFIG_FILE}`, value);
  }
  return checked;
}

function unknownKey(key: string): string {
  if (key === "secret") {
    return `"secret" must not stand in ${CONFIG_FILE}, which others may read. Put it in a file of its own with mode 600, and name that file with "secretFile".`;
  }
  const hint = didYouMean(key, SETTING_NAMES) || ` There are ${SETTING_NAMES.join(", ")}.`;
  return `"${key}" in ${CONFIG_FILE} is no setting.${hint}`;
}
