import { formatAddress } from "pydist-node";
import { print, spawnOptions } from "pydist-node/cli";
import type { Host } from "./hostfile.js";
import type { Outcome } from "./order.js";
import { resolved, type SshOptions } from "./ssh.js";

/*
 * Nodes that wait for their parent: it has to be told where they are.
 */

/** Where a machine's node is dialled: ssh's names for machines mean nothing to anybody else, but ssh knows what they stand for. */
export async function dialOf({ destination, port }: Host, ssh: SshOptions): Promise<string> {
  const found = await resolved(destination, ssh);
  return formatAddress({ host: found.get("hostname") ?? destination.replace(/^.*@/, ""), port });
}

/** Says how the parent is started, of those that it finds. @param more further arguments of `spawn` */
export function printParent(outcomes: readonly Outcome[], more: readonly string[]): void {
  const children = outcomes.flatMap((outcome) => ("dial" in outcome ? [outcome.dial] : []));
  if (children.length === 0) return;
  print(`Their parent dials them: pydist-node spawn --children ${children.join(",")}`);
  if (!spawnOptions(more).has("--host")) print(ONLY_THEMSELVES);
}

const ONLY_THEMSELVES =
  "From other machines it cannot, unless their own configuration says more: --host 0.0.0.0 behind -- lets those in.";
