import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { decodeFrame, type FilePart } from "@pydist/protocol";
import { sha256, ship, task, withCodeDir } from "@pydist/shipping";
import { expect, it, vi } from "vitest";
import { Peers } from "../../packages/pydist-node/dist/engine/peer.js";
import { TreeExchange } from "../../packages/pydist-node/dist/engine/tree-exchange.js";
import { silent } from "../../packages/pydist-node/dist/logger.js";
import { TreeStore } from "../../packages/pydist-node/dist/store/tree-store.js";
import { linked, received } from "../links/support.js";
import { folderOf } from "../support/folders.js";
import { opened } from "../support/opened.js";

const MiB = 1024 * 1024;
const PORTION = 4 * MiB;

/** A process that has a file, and a node below it. */
async function giving(size: number) {
  const cacheDir = join(folderOf({}), "cache");
  const bytes = Buffer.alloc(size, "0123456789");
  const hash = sha256(bytes);
  const store = opened(new TreeStore(cacheDir, 2 ** 30));
  await store.open();
  await store.files.add(hash, bytes);
  const peers = new Peers(silent);
  const exchange = opened(new TreeExchange(peers, silent, { cacheDir }));
  const [below, link] = await linked();
  const peer = peers.addDown(link, { id: "below", name: "below", role: "node" });
  const parts: FilePart[] = [];
  for (let at = 0; at < size; at += PORTION) parts.push({ hash, size, at, length: Math.min(PORTION, size - at) });
  const ask = (): void => {
    for (const part of parts) exchange.fromBelow(peer, { t: "needFiles", parts: [part] });
  };
  return { bytes, parts, below, link, ask, store };
}

it("of a large file, no more than a portion waits in memory for a node that takes its time", async () => {
  const { bytes, parts, below, link, ask, store } = await giving(40 * MiB);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, link.buffered);
  }, 1);
  ask();
  await vi.waitFor(() => expect(link.buffered).toBeGreaterThan(0), { timeout: 15_000 });
  // Nobody listens yet, so the link stands still. Meanwhile all could be read, twice.
  for (const { hash, at, length } of [...parts, ...parts]) await store.files.read(hash, at, length);
  const messages = await received(below, parts.length);
  clearInterval(watch);
  expect(Buffer.concat(messages.map((message) => decodeFrame(message).payload)).equals(bytes)).toBe(true);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(PORTION + 2 * MiB);
});

it("a large file that is being copied holds up nobody who shuts down, and leaves nothing", async () => {
  const cacheDir = join(folderOf({}), "cache");
  const folder = folderOf({ "x.mjs": Buffer.alloc(200 * MiB, "0") });
  const exchange = opened(new TreeExchange(new Peers(silent), silent, { cacheDir }));
  const code = ship(task(pathToFileURL(join(folder, "x.mjs")), "x"));
  const { tree = "" } = withCodeDir(code, folder);
  void exchange.keep(tree);
  const temporary = join(cacheDir, "v1", "tmp");
  const begun = (): void => {
    const sizes = readdirSync(temporary).map(
      (name) => statSync(join(temporary, name), { throwIfNoEntry: false })?.size,
    );
    expect(sizes.some((size = 0) => size >= PORTION)).toBe(true);
  };
  await vi.waitFor(begun, { interval: 1, timeout: 15_000 });
  await exchange.close();
  for (const folder of ["tmp", "files"]) {
    const left = readdirSync(join(cacheDir, "v1", folder), { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
  }
});

it("a node that is gone is given nothing any more", async () => {
  const { link, ask, store, parts } = await giving(12 * MiB);
  ask();
  await vi.waitFor(() => expect(link.buffered).toBeGreaterThan(0), { timeout: 15_000 });
  const sent = link.bytesOut;
  link.terminate();
  await link.closed;
  for (const { hash, at, length } of parts) await store.files.read(hash, at, length);
  expect(link.bytesOut).toBe(sent);
});
