import { hkdfSync, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { link, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { text } from "node:stream/consumers";
import { AuthenticationError } from "@pydist/protocol";

/** The cluster's secret. Everything that ever prints or logs uses `source`, never the others. */
export interface Secret {
  /** What a process elsewhere is given to be one of the cluster. */
  readonly line: string;
  /** 32 bytes, derived from the secret's line; what TLS is given as pre-shared key. */
  readonly key: Buffer;
  /** Where the secret came from: the file's path, `"option"`, `"PYDIST_SECRET"` or `"standard input"`. */
  readonly source: string;
}

export interface SecretOptions {
  /** The secret itself, as an option of the program. */
  readonly secret?: string | undefined;
  /** A file with the secret, as an option of the program. */
  readonly secretFile?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Whether a missing default file may be written: only for a listener without a parent. */
  readonly mayGenerate: boolean;
}

/** As a file, what this process is told on its standard input: neither arguments nor files nor environment hold it. */
export const STANDARD_INPUT = "-";

const LABEL = "pydist link key 1";
/** 32 characters hold 128 bits even as hexadecimal digits. */
const MIN_CHARACTERS = 32;

/**
 * Finds the cluster's secret: `secret` or `secretFile`, then PYDIST_SECRET, then PYDIST_SECRET_FILE, then the file of
 * {@link defaultSecretFile}, which is written if it is missing and `mayGenerate` is set. Empty variables count as unset.
 *
 * @throws AuthenticationError if there is none, or it is too short, or others on this machine may read its file
 */
export async function resolveSecret({ secret, secretFile, env, mayGenerate }: SecretOptions): Promise<Secret> {
  if (secret !== undefined && secretFile !== undefined) {
    throw new TypeError("secret and secretFile were both given; give one of them.");
  }
  if (secret !== undefined) return secretOf(secret, "the option secret", "option");
  if (secretFile !== undefined) return readSecret(secretFile, "secretFile names it");
  if (env.PYDIST_SECRET) {
    return secretOf(env.PYDIST_SECRET, "the variable PYDIST_SECRET", "PYDIST_SECRET");
  }
  if (env.PYDIST_SECRET_FILE) return readSecret(env.PYDIST_SECRET_FILE, "PYDIST_SECRET_FILE names it");
  const file = defaultSecretFile(env);
  if (mayGenerate) await writeSecret(file);
  return readSecret(file, "neither PYDIST_SECRET nor PYDIST_SECRET_FILE is set");
}

/** `pydist/secret` in the user's configuration folder, where all processes of one user find it. */
export function defaultSecretFile(env: NodeJS.ProcessEnv): string {
  if (process.platform === "win32")
    return join(env.APPDATA || join(homedir(), "AppData", "Roaming"), "pydist", "secret");
  // The XDG specification: a relative path is to be ignored.
  const configured = env.XDG_CONFIG_HOME && isAbsolute(env.XDG_CONFIG_HOME) ? env.XDG_CONFIG_HOME : undefined;
  return join(configured ?? join(env.HOME || homedir(), ".config"), "pydist", "secret");
}

/**
 * Writes a new random secret (256 bits, one line of base64url) with mode 0600, whole or not at all.
 * Of several processes that write at the same time all end up with the same one.
 *
 * @param replace whether an existing file is overwritten; by default it is kept
 */
export async function writeSecret(file: string, { replace = false } = {}): Promise<void> {
  const temporary = `${file}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(temporary, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx", flush: true });
    if (replace) await rename(temporary, file);
    // Unlike rename, link fails if the file is there: whoever comes second keeps what the first one wrote.
    else await link(temporary, file);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") {
      throw new AuthenticationError(
        `The cluster secret could not be written to ${file} (${codeOf(error) ?? String(error)}). ` +
          "Make its folder writable for this user, or name another file with PYDIST_SECRET_FILE.",
        { cause: error },
      );
    }
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

let told: Promise<string> | undefined;

/** All that this process is told on standard input, which can be read once only: whoever asks later is given the same. */
export function standardInput(): Promise<string> {
  told ??= text(process.stdin);
  return told;
}

/** Its key is HKDF-SHA256 of the trimmed line. @param where what the error calls the secret's place */
function secretOf(secret: string, where: string, source: string): Secret {
  const line = secret.trim();
  if (/\s/.test(line))
    throw new AuthenticationError(`The cluster secret in ${where} has to be a single line without blanks.`);
  if (line.length < MIN_CHARACTERS) {
    throw new AuthenticationError(
      `The cluster secret in ${where} has ${line.length} characters; at least ${MIN_CHARACTERS} random ones are needed, ` +
        "since whoever sees the traffic can try out short ones. `pydist-node secret --new` writes a good one.",
    );
  }
  return { line, key: Buffer.from(hkdfSync("sha256", line, "", LABEL, 32)), source };
}

async function readSecret(file: string, why: string): Promise<Secret> {
  if (file === STANDARD_INPUT) return secretOf(await standardInput(), "standard input", "standard input");
  let content: string;
  try {
    // Opened once, so that what is read is the file whose mode was looked at.
    const handle = await open(file, constants.O_RDONLY);
    try {
      refuseIfOpenToOthers(file, (await handle.stat()).mode);
      content = await handle.readFile("utf8");
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof AuthenticationError) throw error;
    if (codeOf(error) === "ENOENT") throw missing(file, why, error);
    throw new AuthenticationError(
      `The cluster secret in ${file} cannot be read (${codeOf(error) ?? String(error)}). ` +
        "Give this process's user a copy of its own, readable only for that user.",
      { cause: error },
    );
  }
  return secretOf(content, file, file);
}

function refuseIfOpenToOthers(file: string, mode: number): void {
  if (process.platform === "win32" || (mode & 0o077) === 0) return;
  throw new AuthenticationError(
    `Others on this machine may read the cluster secret in ${file} (mode ${(mode & 0o777).toString(8)}), ` +
      `and with it run code as you. Run: chmod 600 ${quoted(file)}`,
  );
}

function missing(file: string, why: string, cause: unknown): AuthenticationError {
  return new AuthenticationError(
    `There is no cluster secret: ${file} does not exist (${why}). A root writes ~/.config/pydist/secret when it first ` +
      `starts; copy that file from the root's machine: scp ROOT:.config/pydist/secret ${quoted(file)} && chmod 600 ${quoted(file)}`,
    { cause },
  );
}

function quoted(file: string): string {
  return /^[\w@%+=:,./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
