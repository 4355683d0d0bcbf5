import { chmodSync, chownSync } from "node:fs";
import { join } from "node:path";
import { makeManifest, sha256 } from "@pydist/shipping";
import { describe, expect, it } from "vitest";
import { defaultCacheFolder } from "../../packages/pydist-node/dist/store/cache-folder.js";
import { TreeStore } from "../../packages/pydist-node/dist/store/tree-store.js";
import { folderOf } from "../support/folders.js";
import { opened } from "../support/opened.js";

const list = makeManifest({ files: [{ path: "a.txt", sha256: sha256("a"), size: 1 }], links: [], packages: [] });

function storeAt(folder: string): TreeStore {
  return opened(new TreeStore(folder, 2 ** 30));
}

describe.skipIf(process.platform === "win32")(
  "a folder from which somebody else could have code run is refused",
  () => {
    const refusal = (folder: string, what: string): object => ({
      code: "PYDIST_E_SHIPPING",
      message: `No code is taken from the cache folder ${folder}: ${what}, or name another folder with --cache-dir or the option cacheDir.`,
      path: folder,
    });

    it.each([
      ["everybody", "", 0o777],
      ["its group", "", 0o770],
      ["who cannot read it", "v1", 0o702],
      ["everybody, inside", "v1/trees", 0o777],
      ["its group, inside", "v1/files", 0o720],
    ])("writable by %s", async (_, inner, mode) => {
      const folder = folderOf({});
      const store = storeAt(folder);
      await store.hold(list);
      chmodSync(join(folder, inner), mode);
      const what = `others than its owner may write to it (mode ${mode.toString(8)}). Empty it and take that right away with chmod go-w`;
      await expect(store.hold(list)).rejects.toMatchObject(refusal(join(folder, inner), what));
      await expect(storeAt(folder).manifest(list.hash)).rejects.toThrow(what);
      chmodSync(join(folder, inner), 0o755);
      expect(await storeAt(folder).manifest(list.hash)).toEqual(list);
    });

    it.skipIf(process.geteuid?.() !== 0)("of another user", async () => {
      const folder = folderOf({});
      chownSync(folder, 12_345, 12_345);
      const what = "it belongs to user 12345, and this process is user 0's. Remove it";
      await expect(storeAt(folder).hold(list)).rejects.toMatchObject(refusal(folder, what));
    });
  },
);

it("the default is the user's folder for caches", () => {
  expect(defaultCacheFolder({ PYDIST_CACHE_DIR: "/c", HOME: "/h" })).toBe("/c");
  const expected = process.platform === "darwin" ? "/h/Library/Caches/pydist" : "/h/.cache/pydist";
  if (process.platform === "win32") {
    expect(defaultCacheFolder({ LOCALAPPDATA: "C:\\L" })).toBe("C:\\L\\pydist\\Cache");
    return;
  }
  expect(defaultCacheFolder({ HOME: "/h", XDG_CACHE_HOME: "relative" })).toBe(expected);
  if (process.platform === "linux") expect(defaultCacheFolder({ HOME: "/h", XDG_CACHE_HOME: "/x" })).toBe("/x/pydist");
});
