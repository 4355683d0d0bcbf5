import { existsSync } from "node:fs";
import { join } from "node:path";
import { decodeFrame } from "@pydist/protocol";
import { makeManifest, sha256 } from "@pydist/shipping";
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
    const leave = (): void => {
      peers.up.delete(peer.key);
      exchange.upstreamLost(peer.key);
    };
    return { above, leave };
  };
  return { exchange, attach };
}

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

  it("holds up nobody who shuts down", async () => {
    const { exchange, attach } = made();
    const { above } = attach("silent", { tree: true });
    const found = exchange.find([key]);
    await above.next(1, ({ t }) => t === "needFiles");
    await exchange.close();
    expect(await found).toEqual({ [key]: { why: "this process is shutting down" } });
    expect(await exchange.find([key])).toEqual(await found);
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
