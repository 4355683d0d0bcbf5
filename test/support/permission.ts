import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The flag of the permission model: it lost its "experimental" in 22.13. */
export const permissionFlag = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";

/** What a program prints when Node runs it with these flags: a name and what came of it, as JSON, on each line. */
export async function outcomesOf<T>(program: string, flags: readonly string[]): Promise<Record<string, T>> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--no-warnings", ...flags, program]);
  const lines = stdout.trimEnd().split("\n");
  return Object.fromEntries(lines.map((line) => JSON.parse(line) as [string, T]));
}
