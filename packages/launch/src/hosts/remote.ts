import { VERSION } from "pydist-node";
import { quoted } from "../quoted.js";

/*
 * What a shell on another machine is given. Only POSIX is asked of it.
 */

/**
 * What is installed there, or else the release that runs here, brought by npm: so a machine needs Node and npm, and
 * nothing that a user has put there before. Some systems have the one without the other, which only a shell there can tell.
 */
const DEFAULT_COMMAND =
  `sh -c 'has() { command -v "$1" >/dev/null 2>&1; }; has pydist-node && exec pydist-node "$@"; ` +
  'has npx || ! has node || { echo "npx: not found, beside node" >&2; exit 127; }; ' +
  `exec npx --yes pydist-node@${VERSION} "$@"' pydist-node`;

/** @param command how `pydist-node` is called there, as a piece of shell; undefined for the default */
export function remoteCommand(command: string | undefined, args: readonly string[]): string {
  return `${command ?? DEFAULT_COMMAND} ${args.map(quoted).join(" ")}`;
}

/** Where a node's log is, from the home folder of the user there. */
export function logOf(port: number): string {
  return `.local/state/pydist/node-${port}.log`;
}
