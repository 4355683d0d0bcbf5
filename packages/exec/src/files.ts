import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

/** Most bytes that travel with a program. They are in the memory of everyone whom they pass. */
const MOST_BYTES = 256 * 1024 * 1024;

/** What is put into a program's folder: paths in it, with slashes, those of folders before what is in them. */
export type Files = readonly (
  | { readonly path: string; readonly is: "folder" }
  | { readonly path: string; readonly is: "file"; readonly mode: number; readonly bytes: Uint8Array }
  | { readonly path: string; readonly is: "link"; readonly target: string }
)[];

/**
 * Reads what is to travel with a program: of a folder all that is in it, and a file by its name.
 * @throws RangeError for more than 256 MiB; TypeError for what is neither; what the file system says
 */
export async function readFiles(paths: readonly string[]): Promise<Files> {
  const files: Files[number][] = [];
  let room = MOST_BYTES;
  const add = async (place: string, path: string): Promise<void> => {
    const stats = await lstat(place);
    if (stats.isDirectory()) {
      if (path !== "") files.push({ path, is: "folder" });
      for (const name of (await readdir(place)).sort())
        await add(join(place, name), path === "" ? name : `${path}/${name}`);
    } else if (stats.isSymbolicLink()) {
      files.push({ path, is: "link", target: await readlink(place) });
    } else if (stats.isFile()) {
      room -= stats.size;
      if (room < 0) {
        throw new RangeError(
          `files: with ${place} there are more than ${MOST_BYTES / 1024 / 1024} MiB. Leave out what the program does not need, or have it fetch large files itself.`,
        );
      }
      files.push({ path, is: "file", mode: stats.mode & 0o777, bytes: new Uint8Array(await readFile(place)) });
    } else throw new TypeError(`files: ${place} is neither a file nor a folder. Leave it out.`);
  };
  for (const path of paths) {
    const place = resolve(path);
    await add(place, (await lstat(place)).isDirectory() ? "" : basename(place));
  }
  return files;
}
