import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import type { Callable, ReferenceCode } from "./code.js";
import { CONTEXT_WANTED } from "./context.js";
import { fileVersion, readableVersion } from "./file-version.js";
import { followSourceMaps } from "./follow-source-maps.js";
import { messageOf } from "./message-of.js";
import { type Program, programOf } from "./rebuild/program.js";
import { placeOfFailure } from "./stacks/import-place.js";
import { namedAtSender } from "./trees/copies.js";
import { localPath } from "./trees/module-path.js";
import { broughtModule, codeRoot, whyMissing, whyNotBrought } from "./trees/roots.js";
import { moduleKey } from "./trees/tree-key.js";

// Which version of a file this thread has imported under its plain URL: a module is never loaded twice under one URL.
const imported = new Map<string, string>();

/**
 * Imports the function that a reference names, from a file of exactly the version that the sender has: its copy of a code
 * directory, the same file on this machine, or one that was brought.
 */
export async function loadReference(code: ReferenceCode, node: string): Promise<Program> {
  const path = placeOf(code, node);
  checkVersion(code, path, node);
  const namespace = await importVersion(code, path, node);
  // The check and Node's own reading of the file are two moments.
  checkVersion(code, path, node);
  const found = exported(namespace, code.export);
  if (typeof found === "function") {
    // Whose module has `task` at hand may ask.
    return programOf(found as Callable, CONTEXT_WANTED in globalThis ? "wanted" : "unwanted");
  }
  const names = Object.keys(namespace).join(", ") || "nothing";
  const remedy = `Export a function of that name, or correct the name in task(url, "${code.export}").`;
  const file = namedAtSender(path);
  throw refusal(`${file} exports no function "${code.export}" on ${node}, but ${names}.`, file, remedy);
}

function placeOf({ url, sha256, root }: ReferenceCode, node: string): string {
  const mapping = codeRoot(root, node);
  if (mapping !== undefined) return fileURLToPath(mapping.to + url.slice(mapping.from.length));
  const path = localPath(url);
  // Why it cannot be read is told when it is looked at again.
  if (path !== undefined && readableVersion(path) === sha256) return path;
  return broughtModule(url, sha256) ?? path ?? url;
}

function checkVersion(code: ReferenceCode, path: string, node: string): void {
  const version = readVersion(path, node);
  if (version === code.sha256) return;
  if (version === undefined) {
    throw refusal(
      `Task "${code.export}" needs ${path} (SHA-256 ${short(code.sha256)}), which does not exist on ${node}${notBrought(code)}.`,
      path,
      "Put the same file at the same path on every node, or submit a function that takes along what it needs.",
    );
  }
  throw refusal(
    `Task "${code.export}" needs ${path} with SHA-256 ${short(code.sha256)}, but on ${node} it has ${short(version)}${notBrought(code)}.`,
    path,
    "Bring the file to the same version on every node.",
  );
}

function readVersion(path: string, node: string): string | undefined {
  try {
    return fileVersion(path);
  } catch (error) {
    const remedy = "Give the user that runs the node the right to read the file.";
    throw refusal(`${path} cannot be read on ${node}: ${messageOf(error)}.`, path, remedy, error);
  }
}

function notBrought({ url, sha256 }: ReferenceCode): string {
  const why = whyNotBrought(url, sha256);
  return why === undefined ? "" : `, and could not be brought there: ${why.replace(/\.$/, "")}`;
}

async function importVersion(code: ReferenceCode, path: string, node: string): Promise<Record<string, unknown>> {
  // As the module knows itself, where it is the sender's own file.
  let url = path === localPath(code.url) ? code.url : pathToFileURL(path).href;
  const first = imported.get(url) ?? code.sha256;
  imported.set(url, first);
  if (first !== code.sha256) {
    url = `${url}?version=${code.sha256.slice(0, 16)}`;
    // CommonJS knows modules by their path, whatever the query says.
    delete createRequire(import.meta.url).cache[path];
  }
  followSourceMaps();
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    const missing = whyMissing(code.root?.tree ?? moduleKey(code.url, code.sha256), messageOf(error));
    const place = missing === undefined ? placeOfFailure(error, path) : undefined;
    const remedy =
      errorCode(error) === "ERR_UNKNOWN_FILE_EXTENSION"
        ? "Refer to the compiled JavaScript, or start the nodes with a loader for such files."
        : place === undefined
          ? "Correct the error in the module, or install on the node what it imports."
          : "Correct the error there.";
    const why = missing === undefined ? "" : ` (${missing.replace(/\.$/, "")})`;
    const where = place === undefined ? "" : ` (${place})`;
    const reason = `could not be imported on ${node}: ${messageOf(error)}${why}${where}.`;
    throw refusal(namedAtSender(`${path} ${reason}`), namedAtSender(path), remedy, error);
  }
}

/** A CommonJS module whose exports Node could not tell has them all on its default export. */
function exported(namespace: Record<string, unknown>, name: string): unknown {
  if (name in namespace) return namespace[name];
  const whole = namespace.default;
  return typeof whole === "object" && whole !== null && Object.hasOwn(whole, name)
    ? (whole as Record<string, unknown>)[name]
    : undefined;
}

function refusal(reason: string, path: string, remedy: string, cause?: unknown): ShippingError {
  return new ShippingError(`${reason} ${remedy}`, { path, remedy, ...(cause === undefined ? {} : { cause }) });
}

function short(hash: string): string {
  return hash.slice(0, 12);
}

function errorCode(error: unknown): unknown {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
