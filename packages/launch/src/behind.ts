import { spawnOptions, UsageError } from "pydist-node/cli";

/**
 * What stands behind `--` is for `spawn` on other machines. It is looked at before anything is started: there, each of them
 * would fail by itself, and later.
 * @param ours what the launcher gives `spawn` by itself, or no node can have there, with what to do instead
 * @returns the flags that it gives
 */
export function checkBehind(
  rest: readonly string[],
  ours: Readonly<Partial<Record<string, string>>>,
): ReadonlySet<string> {
  const flags = flagsIn(rest);
  for (const flag of flags) {
    const instead = ours[flag];
    if (instead !== undefined) throw new UsageError(`Behind --: ${flag} cannot stand there. ${instead}`);
  }
  return flags;
}

function flagsIn(rest: readonly string[]): ReadonlySet<string> {
  try {
    return spawnOptions(rest);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`Behind --: ${error.message}`) : error;
  }
}
