import { pathToFileURL } from "node:url";
import type { Ancestor } from "@pydist/protocol";
import { findBeside } from "../beside.js";
import type { Logger } from "../logger.js";

/*
 * The extension point of nodes that find their tree by themselves: a package beside this one knows how, and
 * exports an `accompany` of this kind.
 */

const PACKAGE = "@pydist/discovery";

/** What a node shows of itself to its guide, and lets it do. */
export interface Guided {
  readonly id: string;
  readonly name: string;
  readonly cluster: string;
  readonly version: string;
  /** Where it listens. */
  readonly host: string;
  readonly port: number;
  /** What others dial instead, if somebody said so. */
  readonly advertise: string | undefined;
  readonly logger: Logger;
  /** Its way up, itself first; undefined while nobody knows whether it ends at a root. */
  readonly way: () => readonly [Ancestor, ...Ancestor[]] | undefined;
  /**
   * One attempt of a root to become a child of the node there. Absent for a node that was told who its parent is.
   * @throws ConnectionError, CycleError, AuthenticationError, VersionMismatchError
   */
  readonly join: ((address: string) => Promise<void>) | undefined;
}

export interface Guide {
  /** Resolves once the node has found its tree, or seems to be the first of it. */
  readonly settled: Promise<void>;
  /** The node's way up has changed. */
  moved(): void;
  close(): Promise<void>;
}

export type Accompany = (guided: Guided) => Promise<Guide>;

/** Where the package is. @throws TypeError if it is not installed */
export function guidePath(): string {
  return findBeside(PACKAGE, "", "A node with --discover (the option discover) needs");
}

/** @throws TypeError if the package is not installed; ConnectionError if nothing can be heard on this machine */
export async function accompany(guided: Guided): Promise<Guide> {
  const loaded = (await import(pathToFileURL(guidePath()).href)) as { readonly accompany: Accompany };
  return loaded.accompany(guided);
}
