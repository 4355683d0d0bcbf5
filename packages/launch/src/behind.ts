import { spawnOptions, UsageError } from "pydist-node/cli";

/** What to do instead, where the launcher has the same option. */
export const IN_FRONT = "Give it in front of the --.";

/**
 * What stands behind `--` is for `spawn` on other machines. It is looked at before anything is started: there, each of them
 * would fail by itself, and later.
 * @param ours what the launcher gives `spawn` by itself, or no node can have there, with what to do instead
 * @throws UsageError
 */
export function checkBehind(rest: readonly string[], ours: Readonly<Partial<Record<string, string>>>): void {
  for (const flag of flagsIn(rest)) {
    const instead = ours[flag];
    if (instead !== undefined) throw new UsageError(`Behind --: ${flag} cannot stand there. ${instead}`);
  }
}

function flagsIn(rest: readonly string[]): ReadonlySet<string> {
  try {
    return spawnOptions(rest);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`Behind --: ${error.message}`) : error;
  }
}
