import { createHash, type Hash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ShippingError } from "@pydist/protocol";
import { sha256 } from "@pydist/shipping/runtime";

// The time that npm gives its files. Whatever is written to one later shows by another.
const SEALED = new Date("1985-10-26T08:15:00.000Z");

/** Files by the SHA-256 of their content: verified when they come, and whole or not there. */
export class FilePool {
  readonly #folder: string;
  readonly #temporary: string;

  constructor(folder: string, temporary: string) {
    this.#folder = folder;
    this.#temporary = temporary;
  }

  pathOf(hash: string): string {
    return join(this.#folder, hash.slice(0, 2), hash);
  }

  /** Whether the file is there; one that was damaged is removed, but not for what somebody takes to be its size. */
  async has(hash: string, size: number): Promise<boolean> {
    const path = this.pathOf(hash);
    const found = await sealedSize(path);
    // One that was not there may be there by now: others bring the same.
    if (found === "damaged") await rm(path, { force: true });
    return found === size;
  }

  /** @throws ShippingError if the bytes are not those of the hash */
  async add(hash: string, bytes: Uint8Array): Promise<void> {
    if (sha256(bytes) !== hash) throw damaged(hash);
    const path = join(this.#temporary, randomUUID());
    await orRemove(path, async () => {
      const handle = await open(path, "wx", 0o600);
      try {
        await handle.appendFile(bytes);
        await handle.utimes(SEALED, SEALED);
      } finally {
        await handle.close();
      }
      await rename(path, await this.#placeOf(hash));
    });
  }

  /** With its folder made. */
  async #placeOf(hash: string): Promise<string> {
    const path = this.pathOf(hash);
    // Each time: somebody may have emptied the cache.
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return path;
  }

  /** A file that comes in pieces. */
  async receive(hash: string): Promise<Incoming> {
    const destination = await this.#placeOf(hash);
    const path = join(this.#temporary, randomUUID());
    return new Incoming(await open(path, "wx", 0o600), path, destination, hash);
  }

  /** @throws if the file is not there, or shorter */
  async read(hash: string, at: number, length: number): Promise<Uint8Array> {
    const handle = await open(this.pathOf(hash));
    try {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await handle.read(bytes, 0, length, at);
      if (bytesRead !== length) throw damaged(hash);
      return bytes;
    } finally {
      await handle.close();
    }
  }
}

/** A file on its way into the pool. */
export class Incoming {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #destination: string;
  readonly #hash: string;
  readonly #digest: Hash = createHash("sha256");

  constructor(handle: FileHandle, path: string, destination: string, hash: string) {
    this.#handle = handle;
    this.#path = path;
    this.#destination = destination;
    this.#hash = hash;
  }

  /** If it fails, nothing of the file is left. */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      this.#digest.update(bytes);
      await this.#handle.appendFile(bytes);
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  /** @throws ShippingError if what came is not the content of the hash */
  async finish(): Promise<void> {
    if (this.#digest.digest("hex") !== this.#hash) {
      await this.discard();
      throw damaged(this.#hash);
    }
    await this.#handle.close();
    await orRemove(this.#path, async () => {
      await seal(this.#path);
      // Who comes second replaces the file by its equal.
      await rename(this.#path, this.#destination);
    });
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.#path, { force: true });
  }
}

/** Marks a file as complete: whatever is written to it later shows. */
export async function seal(path: string): Promise<void> {
  await utimes(path, SEALED, SEALED);
}

/** Whether a file is there as it was sealed. */
export async function isSealed(path: string, size: number): Promise<boolean> {
  return (await sealedSize(path)) === size;
}

/** Bytes of a file that is as it was sealed; undefined if there is none. */
async function sealedSize(path: string): Promise<number | "damaged" | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() && stats.mtimeMs === SEALED.getTime() ? stats.size : "damaged";
  } catch {
    return undefined;
  }
}

/** Whatever fails leaves no file behind. */
async function orRemove(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

function damaged(hash: string): ShippingError {
  const remedy = "Submit the task again.";
  return new ShippingError(`A file arrived with another content than its SHA-256 (${hash.slice(0, 12)}). ${remedy}`, {
    remedy,
  });
}
