import { existsSync } from "node:fs";
import { join } from "node:path";
import { decodeFrame } from "@pydist/protocol";
import { makeManifest, sha256 } from "@pydist/shipping";
import { parseManifest } from "@pydist/shipping/runtime";
import { describe, expect, it } from "vitest";
import { Peers } from "../../packages/pydist-node/dist/engine/peer.js";
import { TreeExchange } from "../../packages/pydist-node/dist/engine/tree-exchange.js";
import { silent } from "../../packages/pydist-node/dist/logger.js";
import { folderOf } from "../support/folders.js";
import { opened } from "../support/opened.js";
import { ends, RawEnd } from "../tree/raw-end.js";

const content = "content";
const manifest = makeManifest({
  files: [{ path: "a.txt", sha256: sha256(content), size: content.length }],
  links: [],
  packages: [],
});
const key = manifest.hash;

function made() {
  const peers = new Peers(silent);
  const exchange = new TreeExchange(peers, silent, { cacheDir: folderOf({}) });
  opened(exchange);
  /** One more above, which answers what it is asked as far as it is told to. */
  const attach = (id: string, gives: { readonly tree?: boolean; readonly files?: boolean } = {}) => {
    const [down, up] = ends(id, "executor");
    const above = new RawEnd(down);
    const peer = peers.addUp(up, { id, name: id, role: "executor" });
    up.on("message", (bytes) => {
      const { frame, payload } = decodeFrame(bytes);
      exchange.fromAbove(peer, frame, payload);
    });
    above.link.on("message", (bytes) => {
      const { frame } = decodeFrame(bytes);
      if (frame.t === "needTree" && gives.tree) above.say({ t: "tree", key }, Buffer.from(manifest.text));
      if (frame.t === "needFiles" && gives.files) above.say({ t: "files", parts: frame.parts }, Buffer.from(content));
    });
    const leave = (patience = 0): void => {
      peers.up.delete(peer.key);
      exchange.upstreamLost(peer.key, patience);
    };
    return { above, leave };
  };
  return { exchange, attach };
}

describe("lists that name packages", () => {
  /** The list of a tree that names these packages. */
  const naming = (...names: string[]) =>
    makeManifest({
      files: [],
      links: [],
      packages: names.map((name) => ({ name, version: "1.0.0", key: `${name}@1.0.0:0123456789abcdef` })),
    });

  it.each([
    ["itself", { one: ["one"] }],
    ["each other", { one: ["two"], two: ["one"] }],
  ])("end, though those of the packages name %s", async (_, packages: Record<string, string[]>) => {
    const { exchange, attach } = made();
    const top = naming(...Object.keys(packages));
    const { above } = attach("above");
    above.link.on("message", (bytes) => {
      const { frame } = decodeFrame(bytes);
      if (frame.t !== "needTree") return;
      const list = frame.key === top.hash ? top : naming(...(packages[frame.key.split("@")[0] ?? ""] ?? []));
      above.say({ t: "tree", key: frame.key }, Buffer.from(list.text));
    });
    const found = await exchange.find([top.hash]);
    const where = `is not installed in or above ${process.cwd()}`;
    const why = "the list of its files names other packages, which should be among them";
    const lacks = Object.keys(packages).map((name) => [name, `package ${name}@1.0.0 ${where}, and ${why}`]);
    expect(found).toEqual({ [top.hash]: { directory: expect.any(String), lacks: Object.fromEntries(lacks) } });
  });

  it("name them by keys of packages", () => {
    const text = naming("one").text.replace(/one@1[^"]*/, manifest.hash);
    expect(() => parseManifest(text)).toThrow("an entry is malformed");
    expect(parseManifest(naming("one", "@s/two").text).packages).toHaveLength(2);
  });
});

describe("whoever goes while it is asked for", () => {
  it.each([
    ["a tree", "needTree", {}],
    ["files", "needFiles", { tree: true }],
  ] as const)("%s fails nobody's tasks if one came who has it", async (_, asked, gives) => {
    const { exchange, attach } = made();
    const goes = attach("goes", gives);
    const found = exchange.find([key]);
    await goes.above.next(1, ({ t }) => t === asked);
    attach("comes", { tree: true, files: true });
    // Its task waits for what is on its way already.
    const joined = exchange.find([key]);
    goes.leave();
    expect(await joined).toEqual(await found);
    const directory = Object.values(await joined).map((tree) => ("directory" in tree ? tree.directory : tree.why))[0];
    expect(existsSync(join(directory ?? "", "a.txt"))).toBe(true);
  });

  it("or is silent holds up nobody whose task came with one who has it", async () => {
    const { exchange, attach } = made();
    const { above } = attach("silent");
    const found = exchange.find([key]);
    await above.next(1, ({ t }) => t === "needTree");
    attach("comes", { tree: true, files: true });
    expect(await exchange.find([key])).toMatchObject({ [key]: { directory: expect.any(String) } });
    await found;
    expect(above.heard.filter(({ frame }) => frame.t === "needTree")).toHaveLength(1);
  });

  it("holds up nobody who shuts down", async () => {
    const { exchange, attach } = made();
    const { above } = attach("silent", { tree: true });
    const found = exchange.find([key]);
    await above.next(1, ({ t }) => t === "needFiles");
    await exchange.close();
    expect(await found).toEqual({ [key]: { why: "this process is shutting down" } });
    expect(await exchange.find([key])).toEqual(await found);
  });

  it("was the parent: the next one is asked", async () => {
    const { exchange, attach } = made();
    const parent = attach("parent", { tree: true });
    const found = exchange.find([key]);
    await parent.above.next(1, ({ t }) => t === "needFiles");
    parent.leave(60_000);
    attach("ancestor", { tree: true, files: true });
    exchange.parentJoined();
    expect(await found).toMatchObject({ [key]: { directory: expect.any(String) } });
  });

  it("was the parent, and no other is found in time: the search ends", async () => {
    const { exchange, attach } = made();
    const parent = attach("parent");
    const found = exchange.find([key]);
    await parent.above.next(1, ({ t }) => t === "needTree");
    parent.leave(1);
    expect(await found).toEqual({ [key]: { why: "nobody above has shipped it" } });
  });

  it("is all there was: the search ends", async () => {
    const { exchange, attach } = made();
    const goes = attach("goes");
    const found = exchange.find([key]);
    await goes.above.next(1, ({ t }) => t === "needTree");
    goes.leave();
    expect(await found).toEqual({ [key]: { why: "the link to whoever sent the task was lost" } });
  });
});
