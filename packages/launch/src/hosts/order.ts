import { quoted } from "../quoted.js";
import type { Host } from "./hostfile.js";
import { remoteCommand } from "./remote.js";
import { argumentsOf, type Ended, type SshOptions, ssh } from "./ssh.js";

/** Most machines that are logged in to at the same time. */
export const AT_ONCE = 16;

/** Milliseconds for what is asked on its own machine to answer. */
const PATIENCE = 3000;

/** How the machines of a file are reached, and as whose nodes. */
export interface Order {
  readonly ssh: SshOptions;
  /** How `pydist-node` is called there, in shell; undefined for the default. */
  readonly command: string | undefined;
  readonly cluster: string;
  /** The cluster's secret, told to each on its standard input. */
  readonly secret: string;
}

interface Dialled {
  /** Where its parent dials it, if it waits for that. */
  readonly dial?: string;
}

/** What came of one machine. */
export type Outcome =
  | ({ readonly is: "up"; readonly id: string; readonly address: string; readonly log: string } & Dialled)
  | { readonly is: "stopped"; readonly why: string }
  /** There was nothing to do: it runs already, or not any more. */
  | ({ readonly is: "running"; readonly why: string } & Dialled)
  | { readonly is: "gone"; readonly why: string }
  | { readonly is: "failed"; readonly why: string };

/** Asks the node that listens at the machine's port, if it is one of this cluster. Whoever else has it may not answer at all. */
export function ask(host: Host, order: Order, command: "status" | "stop"): Promise<Ended> {
  return over(host, order, question(host, order, command));
}

export function question({ port }: Host, { cluster }: Order, command: "status" | "stop"): readonly string[] {
  const settings = ["--cluster", cluster, "--secret-file", "-", "--connect-timeout", `${PATIENCE}`];
  return [command, `127.0.0.1:${port}`, "--json", ...settings];
}

/** The command as it would be typed; the secret, which goes to its standard input, is not part of it. */
export function wordsOf({ destination }: Host, order: Order, args: readonly string[]): string {
  return ["ssh", ...argumentsOf(destination, quoted(remoteCommand(order.command, args)), order.ssh)].join(" ");
}

/** Runs `pydist-node` on that machine, with the secret on its standard input. */
export function over({ destination }: Host, order: Order, args: readonly string[]): Promise<Ended> {
  return ssh(destination, remoteCommand(order.command, args), `${order.secret}\n`, order.ssh);
}
