import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

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
