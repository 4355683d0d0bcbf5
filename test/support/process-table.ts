import { spawnSync } from "node:child_process";

/** Processes that a process has started, and those of theirs, as the system's table has them now. */
export function descendantsOf(pid: number): number[] {
  const { stdout, error, pid: reader } = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  if (error !== undefined) throw error;
  const rows = stdout
    .trim()
    .split("\n")
    .map((row) => row.trim().split(/\s+/).map(Number) as [number, number]);
  const found = [pid];
  for (const each of found) found.push(...rows.filter(([, parent]) => parent === each).map(([child]) => child));
  return found.slice(1).filter((each) => each !== reader);
}
