import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { LocalTree } from "@pydist/shipping";
import { afterAll } from "vitest";

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
  // Packages of the registry are thousands of files.
});

/** Paths and contents; what is no text is written as JSON. */
export type Files = Readonly<Record<string, string | Uint8Array | object>>;

/** A new folder with these files, removed after the file of tests. */
export function folderOf(files: Files): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "pydist-trees-")));
  made.push(folder);
  write(folder, files);
  return folder;
}

export function write(folder: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      typeof content === "string" || content instanceof Uint8Array ? content : JSON.stringify(content),
    );
  }
}

/** The files of a package, installed below a folder. */
export function installed(at: string, name: string, version: string, files: Files = {}, fields: object = {}): Files {
  const folder = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
  const all = {
    "package.json": { name, version, ...fields },
    "index.js": `module.exports = "${name} ${version}";`,
    ...files,
  };
  return Object.fromEntries(Object.entries(all).map(([path, content]) => [`${folder}/${path}`, content]));
}

/** Lays a tree out in a new folder, as a node does. */
export function layOut(tree: LocalTree): string {
  const folder = folderOf({});
  for (const { path, sha256 } of tree.files) {
    const place = tree.places.get(sha256);
    if (place === undefined) throw new Error(`${path} has no place`);
    write(folder, { [path]: readFileSync(place.file) });
  }
  for (const { path, target } of tree.links) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    symlinkSync(target, join(folder, path));
  }
  return folder;
}

/** What a program in that folder prints. */
export function runIn(folder: string, program: string): string {
  write(folder, { "program.mjs": program });
  const ended = spawnSync(process.execPath, ["program.mjs"], { cwd: folder, encoding: "utf8" });
  if (ended.status !== 0) throw new Error(ended.stderr);
  return ended.stdout.trim();
}
