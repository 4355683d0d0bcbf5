import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { ShippingError } from "@pydist/protocol";

/** How large a cache may grow, in MiB, unless told otherwise. */
export const DEFAULT_CACHE_SIZE = 2048;

/** Where a process keeps files that it was brought, and how much of them. */
export interface CacheOptions {
  /** Default: PYDIST_CACHE_DIR, or `pydist` in the user's folder for caches. */
  readonly cacheDir?: string | undefined;
  /** Most MiB in it. Default 2048. */
  readonly cacheSize?: number | undefined;
}

/** `pydist` in the user's folder for caches, which all processes of the user share. */
export function defaultCacheFolder(env: NodeJS.ProcessEnv): string {
  if (env.PYDIST_CACHE_DIR) return env.PYDIST_CACHE_DIR;
  const home = env.HOME || homedir();
  if (process.platform === "win32") {
    return join(env.LOCALAPPDATA || join(homedir(), "AppData", "Local"), "pydist", "Cache");
  }
  if (process.platform === "darwin") return join(home, "Library", "Caches", "pydist");
  // The XDG specification: a relative path is to be ignored.
  const configured = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : undefined;
  return join(configured ?? join(home, ".cache"), "pydist");
}

/**
 * Who can write to a folder of the cache can have code run by all who use it: so it has to be this user's, and nobody
 * else's to write to, as ssh wants its own. Windows keeps other people out of a user's folders by other means.
 * @throws ShippingError saying whose it is
 */
export async function checkOwn(folder: string): Promise<void> {
  const user = process.geteuid?.();
  if (user === undefined) return;
  const { uid, mode } = await stat(folder);
  if (uid === user && (mode & 0o022) === 0) return;
  const others = `others than its owner may write to it (mode ${(mode & 0o777).toString(8)})`;
  const what = uid === user ? others : `it belongs to user ${uid}, and this process is user ${user}'s`;
  const mend = uid === user ? "Empty it and take that right away with chmod go-w" : "Remove it";
  // The remedy is part of the reason: whoever gives up for it has another one to tell.
  throw new ShippingError(
    `No code is taken from the cache folder ${folder}: ${what}. ${mend}, or name another folder with --cache-dir or the option cacheDir.`,
    { path: folder },
  );
}
