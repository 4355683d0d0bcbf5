import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  BodiesBuilder,
  decodeFrame,
  encodeArguments,
  encodeFrame,
  type FilePart,
  type Frame,
  Outcome,
} from "@pydist/protocol";
import { makeManifest, sha256 } from "@pydist/shipping";
import { ClusterNode } from "pydist-node";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { folderOf } from "../support/folders.js";
import { opened } from "../support/opened.js";
import { type RawPeer, rawPeer } from "./raw-peer.js";

/*
 * Executors of the test's own making, which say of trees whatever a test has them say.
 */

let secretFile = "";
const here = process.cwd();
beforeAll(() => {
  secretFile = join(folderOf({ secret: `${"s".repeat(43)}\n` }), "secret");
  chmodSync(secretFile, 0o600);
  // Nothing is installed above it.
  process.chdir(folderOf({}));
});
afterAll(() => process.chdir(here));

async function node(): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: 0, workers: 1, secretFile, cacheDir: folderOf({}) }));
}

async function raw(address: string): Promise<RawPeer> {
  const peer = await rawPeer(address, secretFile, "executor");
  opened({ close: () => peer.link.close() });
  return peer;
}

const files = { "package.json": '{"name":"top","version":"1.0.0"}', "index.js": "module.exports = 5;" };
const stored = Object.entries(files).map(([name, text]) => [`node_modules/top/${name}`, text] as const);
const manifest = makeManifest({
  files: stored.map(([path, text]) => ({ path, sha256: sha256(text), size: text.length })),
  links: [],
  packages: [],
});
const key = "top@1.0.0:0123456789abcdef";
const text = JSON.stringify({
  asks: true,
  files: {},
  kind: "functions",
  modules: [],
  packages: [{ key, name: "top", version: "1.0.0" }],
  texts: [
    {
      early: 0,
      form: "expression",
      helpers: { imp: "import" },
      name: "f",
      slots: [],
      source: 'async () => (await imp("top")).default',
      strict: true,
    },
  ],
});
const code = sha256(text);

/** Sends a task that needs the package, and its code. */
function sendTask(peer: RawPeer, lease = 1): void {
  const bodies = new BodiesBuilder();
  bodies.add(encodeArguments([]));
  const limits = { hops: 16, travelled: 0, priority: 0, attempts: 3, attempt: 1, depth: 0, grace: 1000 };
  const head = { code, name: "f", executor: peer.link.peer.id, batch: lease, first: 0, ...limits };
  peer.link.send(encodeFrame({ t: "tasks", lease, head }, bodies.build()));
  peer.say({ t: "code", hash: code, text });
}

function giveTree(peer: RawPeer, of = key, list = manifest.text): void {
  peer.link.send(encodeFrame({ t: "tree", key: of }, Buffer.from(list)));
}

/** Answers a question for files. */
function giveFiles(peer: RawPeer, asked: Extract<Frame, { t: "needFiles" }>, contents: (hash: string) => string): void {
  const bytes = asked.parts.map(({ hash }) => Buffer.from(contents(hash)));
  peer.link.send(encodeFrame({ t: "files", parts: asked.parts }, Buffer.concat(bytes)));
}

/** Answers every question for files that comes from now on. */
function answer(peer: RawPeer, give: (frame: Extract<Frame, { t: "needFiles" }>) => void): void {
  peer.link.on("message", (bytes) => {
    const { frame } = decodeFrame(bytes);
    if (frame.t === "needFiles") give(frame);
  });
}

const right = (hash: string): string => stored.find(([, content]) => sha256(content) === hash)?.[1] ?? "";

async function failureOf(peer: RawPeer): Promise<string> {
  const [outcome = 0] = await peer.outcomes(1, 1);
  expect(outcome & Outcome.Failed).not.toBe(0);
  const { payload } = await peer.next("results");
  return Buffer.from(payload).toString("latin1");
}

describe("an executor that has a package", () => {
  it("is asked for it, then for its files, each once", async () => {
    const peer = await raw((await node()).address);
    sendTask(peer);
    expect((await peer.next("needTree")).frame).toEqual({ t: "needTree", key });
    giveTree(peer);
    const { frame } = await peer.next("needFiles");
    expect(frame.parts).toEqual(manifest.files.map(({ sha256: hash, size }) => ({ hash, size, at: 0, length: size })));
    giveFiles(peer, frame, right);
    expect(await peer.outcomes(1, 1)).toEqual([0]);
    const asked = peer.heard.map((heard) => heard.frame.t).filter((kind) => kind.startsWith("need"));
    expect(asked).toEqual(["needCode", "needTree", "needFiles"]);
  });

  it("and goes before it has sent all: another one who has it is asked", async () => {
    const root = await node();
    const [goes, stays] = [await raw(root.address), await raw(root.address)];
    sendTask(stays);
    await stays.next("needTree");
    await goes.next("needTree");
    giveTree(goes);
    await goes.next("needFiles");
    goes.link.terminate("gone");
    const { frame } = await stays.next("needFiles");
    giveFiles(stays, frame, right);
    expect(await stays.outcomes(1, 1)).toEqual([0]);
  });

  it("or sends other content, or lacks a file", async () => {
    const root = await node();
    const [lastAsked, wrong, has] = [await raw(root.address), await raw(root.address), await raw(root.address)];
    sendTask(has);
    for (const peer of [lastAsked, wrong, has]) await peer.next("needTree");
    answer(wrong, (frame) => giveFiles(wrong, frame, (hash) => "x".repeat(right(hash).length)));
    answer(has, (frame) => {
      for (const { hash } of frame.parts) has.say({ t: "noFile", hash, why: "it forgot" });
      has.link.send(encodeFrame({ t: "files", parts: [] }));
    });
    answer(lastAsked, (frame) => giveFiles(lastAsked, frame, right));
    giveTree(wrong);
    expect(await has.outcomes(1, 1)).toEqual([0]);
    for (const peer of [wrong, has, lastAsked])
      expect(peer.heard.some(({ frame }) => frame.t === "needFiles")).toBe(true);
  });

  it.each([
    ["says that a file is longer", (part: FilePart) => [{ ...part, size: part.size + 1, length: part.length + 1 }]],
    ["gives only the beginning of a file", (part: FilePart) => [{ ...part, length: part.length - 1 }]],
    ["leaves a file out without a word", () => []],
  ])("or %s", async (_, change) => {
    const peer = await raw((await node()).address);
    sendTask(peer);
    await peer.next("needTree");
    giveTree(peer);
    const [first, ...rest] = (await peer.next("needFiles")).frame.parts;
    if (first === undefined) throw new Error("it asked for nothing");
    const parts = [...change(first), ...rest];
    const bytes = parts.map(({ hash, length }) => Buffer.from(right(hash).padEnd(length, " ").slice(0, length)));
    peer.link.send(encodeFrame({ t: "files", parts }, Buffer.concat(bytes)));
    expect(await failureOf(peer)).toContain(
      "could not be brought there: whoever has it did not give what it was asked for.",
    );
  });
});

it("a node that ends while a file is on its way leaves none of it behind", async () => {
  const folder = folderOf({});
  const root = await ClusterNode.start({ port: 0, workers: 1, secretFile, cacheDir: folder });
  opened(root);
  const peer = await raw(root.address);
  const size = 5 * 1024 * 1024;
  const list = makeManifest({
    files: [{ path: "node_modules/top/large", sha256: code, size }],
    links: [],
    packages: [],
  });
  sendTask(peer);
  await peer.next("needTree");
  giveTree(peer, key, list.text);
  const { frame } = await peer.next("needFiles");
  giveFiles(peer, frame, () => "x".repeat(4 * 1024 * 1024));
  await vi.waitFor(() => expect(readdirSync(join(folder, "v1", "tmp"))).toHaveLength(1), { timeout: 15_000 });
  await root.close();
  for (const place of ["tmp", "used"]) expect(readdirSync(join(folder, "v1", place))).toEqual([]);
});

describe("if nobody has it", () => {
  it("the task fails with what each of them said", async () => {
    const root = await node();
    const [one, two] = [await raw(root.address), await raw(root.address)];
    sendTask(one);
    for (const peer of [one, two]) await peer.next("needTree");
    one.say({ t: "noTree", key, why: "it has parts for one kind of machine" });
    two.say({ t: "noTree", key, why: "nobody above has shipped it" });
    expect(await failureOf(one)).toContain(
      `Package top@1.0.0 is not installed on node ${root.id} in or above ${process.cwd()}, and could not be brought there: it has parts for one kind of machine. Install top@1.0.0 on the node, in or above ${process.cwd()}.`,
    );
  });

  it("or its files", async () => {
    const peer = await raw((await node()).address);
    sendTask(peer);
    await peer.next("needTree");
    giveTree(peer);
    giveFiles(peer, (await peer.next("needFiles")).frame, (hash) => "x".repeat(right(hash).length));
    expect(await failureOf(peer)).toContain(
      "and could not be brought there: A file arrived with another content than its SHA-256",
    );
  });

  it("later tasks ask again", async () => {
    const peer = await raw((await node()).address);
    sendTask(peer);
    await peer.next("needTree");
    peer.say({ t: "noTree", key, why: "not yet" });
    expect(await failureOf(peer)).toContain("could not be brought there: not yet.");
    answer(peer, (frame) => giveFiles(peer, frame, right));
    const asked = (): number => peer.heard.filter(({ frame }) => frame.t === "needTree").length;
    peer.link.on("message", () => asked() > 1 && giveTree(peer));
    // Not each of them: it is asked about once a second.
    let lease = 1;
    for (let outcome = 1; outcome !== 0; ) {
      sendTask(peer, ++lease);
      [outcome = 1] = await peer.outcomes(lease, 1);
    }
    expect(asked()).toBe(2);
  });
});

describe("what cannot be", () => {
  it.each([
    ["a list that is none", (peer: RawPeer) => giveTree(peer, key, "{}")],
    [
      "a path that leads out of the tree",
      (peer: RawPeer) => giveTree(peer, key, manifest.text.replaceAll("node_modules/top", "../../x")),
    ],
    [
      "files of other lengths than they say",
      (peer: RawPeer) => {
        const parts = [{ hash: code, size: 5, at: 0, length: 5 }];
        peer.link.send(encodeFrame({ t: "files", parts }, Buffer.from("1234")));
      },
    ],
    [
      "parts that are too long",
      (peer: RawPeer) => peer.say({ t: "files", parts: [{ hash: code, size: 1, at: 0, length: 2 ** 30 }] }),
    ],
  ])("closes the link: %s", async (_, say) => {
    const peer = await raw((await node()).address);
    sendTask(peer);
    await peer.next("needTree");
    say(peer);
    expect(await peer.link.closed).toMatchObject({ kind: "closed-by-peer", detail: "a frame could not be understood" });
  });

  it.each([
    ["more than a portion", Array(3).fill({ hash: code, size: 2 ** 21, at: 0, length: 2 ** 21 })],
    ["bytes beyond the end of a file", [{ hash: code, size: 10, at: 5, length: 6 }]],
    ["a file that is larger than any tree", [{ hash: code, size: 2 ** 40, at: 0, length: 5 }]],
  ])("is not read for anybody: %s", async (_, parts) => {
    const root = await node();
    const child = await rawPeer(root.address, secretFile, "node");
    opened({ close: () => child.link.close() });
    child.say({ t: "needFiles", parts });
    expect(await child.link.closed).toMatchObject({ detail: "a frame could not be understood" });
  });

  it("what nobody asked for is passed over", async () => {
    const root = await node();
    const peer = await raw(root.address);
    giveTree(peer);
    peer.say({ t: "noTree", key: "other", why: "" });
    peer.say({ t: "noFile", hash: code, why: "" });
    peer.link.send(
      encodeFrame({ t: "files", parts: [{ hash: code, size: 4, at: 0, length: 4 }] }, Buffer.from("1234")),
    );
    sendTask(peer);
    await peer.next("needTree");
    giveTree(peer);
    giveFiles(peer, (await peer.next("needFiles")).frame, right);
    expect(await peer.outcomes(1, 1)).toEqual([0]);
  });
});
