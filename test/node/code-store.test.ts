import { sha256 } from "@pydist/shipping";
import { describe, expect, it } from "vitest";
import { CodeStore } from "../../packages/pydist-node/dist/engine/code-store.js";

function content(text: string) {
  return { hash: sha256(text), content: text };
}

function bytes(length: number, first: number) {
  const made = new Uint8Array(length).fill(first);
  return { hash: sha256(made), content: made };
}

describe("what came from elsewhere", () => {
  it("is dropped where there is no room: what was used longest ago first, texts and bytes apart", () => {
    const store = new CodeStore({ characters: 10, bytes: 10 });
    const [a, b, c] = [content("aaaa"), content("bbbb"), content("cccc")];
    const [x, y, z] = [bytes(4, 1), bytes(4, 2), bytes(4, 3)];
    for (const each of [a, b, x, y]) store.add(each);
    expect(store.get(a.hash)).toBe(a.content);
    for (const each of [c, z]) store.add(each);
    expect([a, b, c, x, y, z].map(({ hash }) => store.get(hash) !== undefined)).toEqual([
      ...[true, false, true],
      ...[false, true, true],
    ]);
  });

  it("is there at least until the next comes, however large", () => {
    const store = new CodeStore({ bytes: 10 });
    const [large, small] = [bytes(100, 1), bytes(1, 2)];
    store.add(large);
    expect(store.get(large.hash)).toBe(large.content);
    store.add(small);
    expect(store.get(large.hash)).toBeUndefined();
    expect(store.get(small.hash)).toBe(small.content);
  });
});

describe("what open tasks of this process name", () => {
  it("stays, whatever else comes, until it is let go as often as it was kept", () => {
    const store = new CodeStore({ characters: 10, bytes: 10 });
    const [text, captured] = [content("long enough to fill it"), bytes(100, 1)];
    for (const each of [text, captured, captured]) store.keep(each);
    for (let n = 0; n < 20; n++) {
      store.add(content(`code ${n}`));
      store.add(bytes(9, n));
    }
    store.letGo(captured.hash);
    expect([text, captured].map(({ hash }) => store.get(hash))).toEqual([text.content, captured.content]);
    for (const { hash } of [text, captured]) store.letGo(hash);
    expect([text, captured].map(({ hash }) => store.get(hash))).toEqual([undefined, undefined]);
    store.letGo(captured.hash);
    expect(store.get(captured.hash)).toBeUndefined();
  });
});
