import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeManifest, sha256 } from "@pydist/shipping";
import type { NamedManifest } from "@pydist/shipping/runtime";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { eachLimited } from "../../packages/pydist-node/dist/store/limited.js";
import { TreeStore } from "../../packages/pydist-node/dist/store/tree-store.js";
import { folderOf } from "../support/folders.js";
import { opened } from "../support/opened.js";

function storeAt(folder: string, bytes = 2 ** 30): TreeStore {
  return opened(new TreeStore(folder, bytes));
}

interface Content {
  readonly manifest: NamedManifest;
  readonly texts: readonly string[];
}

function contentOf(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}): Content {
  const manifest = makeManifest({
    files: Object.entries(files).map(([path, text]) => ({ path, sha256: sha256(text), size: text.length })),
    links: Object.entries(links).map(([path, target]) => ({ path, target })),
    packages: [],
  });
  return { manifest, texts: Object.values(files) };
}

async function fill(store: TreeStore, { manifest, texts }: Content): Promise<number> {
  await store.hold(manifest);
  const missing = await store.missing(manifest.files);
  for (const { sha256: hash } of missing) {
    await store.files.add(hash, Buffer.from(texts.find((text) => sha256(text) === hash) ?? ""));
  }
  return missing.length;
}

async function lay(store: TreeStore, content: Content, modules = {}): Promise<string> {
  await fill(store, content);
  return store.lay(content.manifest, modules);
}

const sample = contentOf({ "a.txt": "a", "deep/b.txt": "bb", "deep/c.txt": "a" }, { "deep/up": "../a.txt" });

describe("a tree", () => {
  it("is laid out as its manifest says, for its user only, and once", async () => {
    const folder = join(folderOf({}), "cache");
    const store = storeAt(folder);
    const root = await lay(store, sample);
    expect(readFileSync(join(root, "deep/b.txt"), "utf8")).toBe("bb");
    expect(readFileSync(join(root, "deep/up"), "utf8")).toBe("a");
    for (const path of [folder, join(folder, "v1"), root, join(root, "deep")]) {
      expect(statSync(path).mode & 0o777).toBe(0o700);
    }
    for (const path of ["a.txt", "deep/b.txt"]) expect(statSync(join(root, path)).mode & 0o777).toBe(0o600);
    // Equal files are one, in the pool and in every tree.
    expect(statSync(join(root, "a.txt")).ino).toBe(statSync(join(root, "deep/c.txt")).ino);
    expect(await lay(store, sample)).toBe(root);
    expect(await store.manifest(sample.manifest.hash)).toEqual(sample.manifest);
    expect(await store.manifest("0".repeat(64))).toBeUndefined();
  });

  it("has links beside it to the packages that it is given, another tree for others", async () => {
    const store = storeAt(folderOf({}));
    const [one, two] = [folderOf({ "index.js": "1" }), folderOf({ "index.js": "2" })];
    const first = await lay(store, sample, { lib: one, "@s/lib": two });
    const second = await lay(store, sample, { lib: two });
    expect(readlinkSync(join(first, "..", "node_modules", "lib"))).toBe(one);
    expect(readlinkSync(join(first, "..", "node_modules", "@s", "lib"))).toBe(two);
    expect(readlinkSync(join(second, "..", "node_modules", "lib"))).toBe(two);
    expect(await lay(store, sample, { "@s/lib": two, lib: one })).toBe(first);
  });

  it("of a new version needs only what changed", async () => {
    const store = storeAt(folderOf({}));
    await lay(store, sample);
    const next = contentOf({ "a.txt": "a", "deep/b.txt": "changed" });
    expect(await fill(store, next)).toBe(1);
    expect(readFileSync(join(await store.lay(next.manifest, {}), "deep/b.txt"), "utf8")).toBe("changed");
  });

  it("may be laid out by several at the same time", async () => {
    const folder = folderOf({});
    const stores = [storeAt(folder), storeAt(folder), storeAt(folder)];
    const roots = await Promise.all(stores.flatMap((store) => [lay(store, sample), lay(store, sample)]));
    expect(new Set(roots).size).toBe(1);
    expect(readdirSync(join(folder, "v1", "tmp"))).toEqual([]);
  });
});

describe("damage", () => {
  it.each([
    ["a file is missing", (root: string) => rmSync(join(root, "a.txt")), 0],
    ["a file was cut", (root: string) => truncateSync(join(root, "deep/b.txt")), 1],
    ["a file was overwritten", (root: string) => writeFileSync(join(root, "deep/b.txt"), "xx"), 1],
    ["a link is missing", (root: string) => rmSync(join(root, "deep/up")), 0],
    ["all is gone", (root: string) => rmSync(join(root, ".."), { recursive: true }), 0],
  ])("is mended: %s", async (_, damage, lost) => {
    const folder = folderOf({});
    const store = storeAt(folder);
    const root = await lay(store, sample);
    damage(root);
    // A process that starts later finds out as well.
    const other = storeAt(folder);
    expect(await fill(other, sample)).toBe(lost);
    expect(await other.lay(sample.manifest, {})).toBe(root);
    expect(readFileSync(join(root, "deep/b.txt"), "utf8")).toBe("bb");
    expect(readFileSync(join(root, "deep/up"), "utf8")).toBe("a");
  });

  it("of a manifest only makes it unknown", async () => {
    const folder = folderOf({});
    const store = storeAt(folder);
    await lay(store, sample);
    const path = join(folder, "v1", "manifests", `${sample.manifest.hash}.json`);
    writeFileSync(path, "{}");
    expect(await store.manifest(sample.manifest.hash)).toBeUndefined();
    await store.hold(sample.manifest);
    expect(await store.manifest(sample.manifest.hash)).toEqual(sample.manifest);
  });

  it("on the way is noticed: a file is what its hash says, or not there", async () => {
    const store = storeAt(folderOf({}));
    await store.open();
    const hash = sha256("right");
    const message = `A file arrived with another content than its SHA-256 (${hash.slice(0, 12)}). Submit the task again.`;
    await expect(store.files.add(hash, Buffer.from("wrong"))).rejects.toThrow(message);
    const incoming = await store.files.receive(hash);
    await incoming.append(Buffer.from("wr"));
    await incoming.append(Buffer.from("ong"));
    await expect(incoming.finish()).rejects.toThrow(message);
    expect(await store.files.has(hash, 5)).toBe(false);
    const again = await store.files.receive(hash);
    await again.append(Buffer.from("ri"));
    await again.append(Buffer.from("ght"));
    await again.finish();
    expect(await store.files.has(hash, 5)).toBe(true);
    expect(Buffer.from(await store.files.read(hash, 1, 3)).toString()).toBe("igh");
    await expect(store.files.read(hash, 3, 3)).rejects.toThrow(message);
  });
});

describe("what cannot be kept", () => {
  const hash = sha256("right");

  it("leaves nothing behind", async () => {
    const folder = folderOf({});
    const store = storeAt(folder);
    await store.open();
    // Where the file would be there is a folder that is not empty.
    mkdirSync(join(store.files.pathOf(hash), "x"), { recursive: true });
    await expect(store.files.add(hash, Buffer.from("right"))).rejects.toThrow();
    const incoming = await store.files.receive(hash);
    await incoming.append(Buffer.from("right"));
    await expect(incoming.finish()).rejects.toThrow();
    await expect(store.lay(sample.manifest, {})).rejects.toThrow("ENOENT");
    expect(readdirSync(join(folder, "v1", "tmp"))).toEqual([]);
  });

  it("is no reason to remove what is there: a wrong size", async () => {
    const store = storeAt(folderOf({}));
    await store.open();
    await store.files.add(hash, Buffer.from("right"));
    expect(await store.files.has(hash, 6)).toBe(false);
    expect(await store.files.has(hash, 5)).toBe(true);
  });
});

it("a cache that somebody emptied is filled again", async () => {
  const folder = folderOf({});
  const store = storeAt(folder);
  const root = await lay(store, sample);
  rmSync(join(folder, "v1"), { recursive: true });
  expect(await lay(store, sample)).toBe(root);
  expect(readFileSync(join(root, "deep/b.txt"), "utf8")).toBe("bb");
  expect(readdirSync(join(folder, "v1", "used"))).toHaveLength(1);
});

describe("a cache that is full", () => {
  const content = (n: number): Content => contentOf({ shared: "s".repeat(100), own: String(n).repeat(1000) });
  const treesIn = (folder: string): string[] => readdirSync(join(folder, "v1", "trees"));

  /** Pretends that a tree was used so many hours ago. */
  function age(folder: string, { manifest }: Content, hours: number): void {
    const then = new Date(Date.now() - hours * 3_600_000);
    utimesSync(join(folder, "v1", "manifests", `${manifest.hash}.json`), then, then);
  }

  it("loses the trees that were used longest ago, and only those files that no other has", async () => {
    const folder = folderOf({});
    const before = storeAt(folder);
    for (const n of [1, 2, 3]) await lay(before, content(n), n === 1 ? { lib: folder } : {});
    await before.close();
    for (const n of [1, 2, 3]) age(folder, content(n), n === 1 ? 2 : n);
    const store = storeAt(folder, 2500);
    await lay(store, content(4));
    await store.grown(1000);
    // 4,100 bytes were there; the two oldest made room.
    const left = [1, 2, 3, 4].filter((n) => treesIn(folder).some((name) => name.startsWith(content(n).manifest.hash)));
    expect(left).toHaveLength(2);
    expect(left).toContain(4);
    expect(left).not.toContain(3);
    expect(await store.files.has(sha256("s".repeat(100)), 100)).toBe(true);
    expect(await store.files.has(sha256("3".repeat(1000)), 1000)).toBe(false);
    expect(readdirSync(join(folder, "v1", "manifests"))).toHaveLength(2);
  });

  it("keeps what a living process uses, however old, and not what an ended one did", async () => {
    const folder = folderOf({});
    const user = storeAt(folder);
    await lay(user, content(1));
    await lay(user, content(2));
    for (const n of [1, 2]) age(folder, content(n), 50);
    const used = join(folder, "v1", "used");
    for (const name of readdirSync(used)) {
      // As of a process that was killed.
      if (name.startsWith(content(2).manifest.hash))
        renameSync(join(used, name), join(used, name.replace(/\d+\.\d+$/, "4194305.1")));
    }
    const store = storeAt(folder, 100);
    await lay(store, content(3));
    await store.grown(1000);
    const left = [1, 2, 3].filter((n) => treesIn(folder).includes(content(n).manifest.hash));
    expect(left).toEqual([1, 3]);
  });

  it("keeps what one user of a process needs when another one ends", async () => {
    const folder = folderOf({});
    const [stays, ends] = [storeAt(folder), storeAt(folder)];
    await lay(stays, content(1));
    await lay(ends, content(1));
    await ends.close();
    age(folder, content(1), 50);
    const other = storeAt(folder, 100);
    await lay(other, content(2));
    await other.grown(1000);
    expect(treesIn(folder)).toContain(content(1).manifest.hash);
  });

  it("keeps all that a process uses and that has room, and of more than that the last 64", async () => {
    const many = Array.from({ length: 100 }, (_, n) => contentOf({ a: String(n).padStart(1000, "0") }));
    const marksAfter = async (bytes: number): Promise<string[]> => {
      const folder = folderOf({});
      const store = storeAt(folder, bytes);
      for (const { manifest } of many) await store.hold(manifest);
      return readdirSync(join(folder, "v1", "used")).map((name) => name.slice(0, 64));
    };
    expect(await marksAfter(100_000)).toHaveLength(100);
    const last = many.slice(-64).map(({ manifest }) => manifest.hash);
    expect((await marksAfter(10_000)).sort()).toEqual(last.sort());
    expect(await marksAfter(90_000)).toHaveLength(90);
  });

  it("loses trees that have lost their list, after a while", async () => {
    const folder = folderOf({});
    const before = storeAt(folder);
    await lay(before, content(1), { lib: folder });
    await before.close();
    rmSync(join(folder, "v1", "manifests", `${content(1).manifest.hash}.json`));
    await storeAt(folder).grown(0);
    expect(treesIn(folder)).toHaveLength(1);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    await storeAt(folder).grown(0);
    expect(treesIn(folder)).toEqual([]);
  });

  it("leaves a list alone that cannot be read, and looks at the others", async () => {
    const folder = folderOf({});
    const before = storeAt(folder);
    for (const n of [1, 2]) await lay(before, content(n));
    await before.close();
    const path = join(folder, "v1", "manifests", `${content(1).manifest.hash}.json`);
    rmSync(path);
    mkdirSync(path);
    const store = storeAt(folder, 100);
    await store.open();
    await store.grown(0);
    expect(readdirSync(join(folder, "v1", "manifests"))).toEqual([`${content(1).manifest.hash}.json`]);
    expect(treesIn(folder)).toEqual([content(1).manifest.hash]);
  });

  it("is looked at again only when it may have grown beyond its bound", async () => {
    const folder = folderOf({});
    const store = storeAt(folder, 1500);
    await lay(store, content(1));
    await store.grown(1100);
    await store.close();
    const other = storeAt(folder, 1500);
    await lay(other, content(2));
    await other.grown(1000);
    expect(treesIn(folder)).toEqual([content(2).manifest.hash]);
  });

  it("loses what was left behind by processes that were killed", async () => {
    const folder = folderOf({});
    const store = storeAt(folder);
    await store.open();
    const rest = join(folder, "v1", "tmp", "rest");
    mkdirSync(rest);
    await store.grown(0);
    // It may still be at work.
    expect(existsSync(rest)).toBe(true);
  });
});

it("a folder that cannot be used is named, with what to do", async () => {
  const folder = join(folderOf({ file: "x" }), "file", "cache");
  await expect(storeAt(folder).hold(sample.manifest)).rejects.toMatchObject({
    code: "PYDIST_E_SHIPPING",
    message: `Files cannot be kept in the cache ${folder} (ENOTDIR). Make room there, or name another folder with --cache-dir or the option cacheDir.`,
    path: folder,
  });
});

it("work in portions goes on until one fails, and rejects when nothing runs any more", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  const work = async (n: number): Promise<void> => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    if (n === 3) throw new Error("three");
    done.push(n);
  };
  await expect(eachLimited([1, 2, 3, 4, 5, 6, 7, 8], 2, work)).rejects.toThrow("three");
  expect([most, running, done]).toEqual([2, 0, [1, 2, 4]]);
});
