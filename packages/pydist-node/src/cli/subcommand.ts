import type { Resolved, SettingName } from "./settings.js";

/** What a subcommand is called with. */
export interface Call<K extends SettingName> extends Resolved<K> {
  /** Which of the subcommand's own switches were given, without their dashes. */
  readonly switches: ReadonlySet<string>;
  /** What its own flags that have a value were given, in order. */
  readonly given: Readonly<Record<string, readonly string[]>>;
  /** Its own argument, before the address; "" for a subcommand that has none. */
  readonly operand: string;
  /** What stood behind `--`. */
  readonly rest: readonly string[];
}

export interface Example {
  readonly run: string;
  readonly what: string;
  readonly marked?: true;
}

/** A subcommand of `pydist-node`, ready for the registry in subcommands.ts. Make it with `subcommand`. */
export interface Subcommand {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Shown before all else in its help; those that are marked, in the help of the whole as well. */
  readonly examples: readonly Example[];
  /** What it reads. "address" becomes its argument, every other one a flag. */
  readonly settings: readonly SettingName[];
  /** What the help says of those that mean something else here, as by another default. */
  readonly meanings?: Readonly<Partial<Record<SettingName, string>>>;
  /**
   * Flags of its own that are no settings: they are asked for each time, never configured. One with a value,
   * `--flag <VALUE>`, can be given several times.
   */
  readonly switches: readonly { readonly flag: string; readonly help: string }[];
  /** An argument of its own that it must be given, before the address. */
  readonly operand?: { readonly name: string; readonly help: string };
  /** How what stands behind `--` is called in its help; without it, there is nothing of that kind. */
  readonly rest?: string;
  /** @returns the exit code; errors are worded and coded by whoever calls it */
  readonly run: (call: Call<SettingName>) => Promise<number>;
}

/** Subcommands with a first word in common, as `pydist-node launch hosts` has it. Each is loaded when it is called. */
export interface SubcommandGroup {
  readonly name: string;
  readonly summary: string;
  /** By their second word, in the order of the help. */
  readonly members: Readonly<Record<string, () => Promise<Subcommand>>>;
}

interface Definition<K extends SettingName> extends Omit<Subcommand, "settings" | "switches" | "run"> {
  readonly settings: readonly K[];
  readonly switches?: Subcommand["switches"];
  readonly run: (call: Call<K>) => Promise<number>;
}

/** Gives `run` exactly the settings that the subcommand names. */
export function subcommand<K extends SettingName>({ switches = [], run, ...rest }: Definition<K>): Subcommand {
  return { ...rest, switches, run: (call) => run(call) };
}
