import {
  decodeValue,
  type Extension,
  encodeGraph,
  encodeValue,
  Kind,
  openGraph,
  type Parts,
  SerializationError,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { extension, type Fn, fn, subclass, thrownBy } from "./extension-functions.js";
import { forged } from "./values-forged.js";

describe("nodes that no encoder wrote", () => {
  const root = [0, [0], [0, 1]];
  const names = "its parts";
  it.each<[string, unknown[], string]>([
    ["an extra value without a type", [root, [11, [], []]], "an extra value lacks its type"],
    ["an extra value without parts", [root, [11, "x", [], "function"]], "a node lacks its items"],
    ["links that are none", [root, [11, ["f"], 7, "function"]], "its links are malformed"],
    ["a link from no part", [root, [11, ["f"], [4, 0], "function"]], "a link leads nowhere"],
    ["a link from a name", [root, [11, ["f"], ["length", 0], "function"]], "a link leads nowhere"],
    ["a link to no node", [root, [11, [0], [0, 9], "function"]], "there is no value 9"],
    ["a part that is not there", [root, [11, ["f"], [], "function"]], "a value lacks its part 2"],
    ["a value that needs itself", [root, [11, ["f", 0, []], [1, 1], "class"]], "a value is needed to make itself"],
    [
      "values that need each other",
      [root, [11, ["f", 0, []], [1, 2], "class"], [11, ["g", 0, []], [1, 1], "class"]],
      "a value is needed to make itself",
    ],
    ["an unknown object", [root, [12, 3]], "there is no known value 3"],
    ["an object of a name", [root, [12, "length"]], "there is no known value length"],
    ["an object before the first", [root, [12, -1]], "there is no known value -1"],
    ["an object with links", [root, [12, 0, [0, 0]]], "its links are malformed"],
    ["a registered value without a name", [root, [13, [0]]], "a registered value lacks its type"],
    ["a registered value of two", [root, [13, [0, 0], [], "x"]], "a registered value lacks its type"],
    ["a registered value in itself", [root, [13, [0], [0, 1], "x"]], "a value is needed to make itself"],
    [
      "a registered value around itself",
      [root, [13, [0], [0, 2], "x"], [1, { a: 0 }, ["a", 1]]],
      "a registered value is part of itself",
    ],
    ["no array first", [[12, 0]], "its first node is malformed"],
  ])("%s", (_, nodes, why) => {
    const error = thrownBy(() => decodeValue(Kind.Rich, forged(nodes), { extension, known: [names] }));
    expect(error).toBeInstanceOf(SerializationError);
    expect((error as Error).message).toBe(
      `Malformed value: ${why}. The peer is broken, or writes a version of values that this one cannot read.`,
    );
  });

  it("an extra value where there is no extension", () => {
    const { bytes } = encodeValue(fn("f"), "value", { extension });
    expect(thrownBy(() => decodeValue(Kind.Rich, bytes as Uint8Array))).toMatchObject({
      message: expect.stringContaining("nobody here knows what to do with a value of type function"),
    });
    expect(thrownBy(() => decodeValue(Kind.Rich, forged([root, [12, 0]])))).toMatchObject({
      message: expect.stringContaining("there is no known value 0"),
    });
  });

  it("more superclasses than the stack has room for", () => {
    const chain = (count: number) => {
      const nodes: unknown[] = [root];
      for (let i = 1; i < count; i++) nodes.push([11, ["C", 0, []], [1, i + 1], "class"]);
      return forged([...nodes, [11, ["C", 0, []], [], "function"]]);
    };
    expect((decodeValue(Kind.Rich, chain(500), { extension }) as Fn).name.startsWith("C<C<")).toBe(true);
    expect(thrownBy(() => decodeValue(Kind.Rich, chain(20_000), { extension }))).toMatchObject({
      message: expect.stringContaining("too many values need one another to be made"),
    });
  });

  it("a part that its owner asks for although it cannot be there: its own mistake is told", () => {
    const asking: Extension = {
      ...extension,
      create: (_type: string, parts: Parts) => {
        try {
          return parts.get(5);
        } catch {
          throw new RangeError("its own words");
        }
      },
    };
    const { bytes } = encodeValue(fn("f"), "value", { extension });
    expect(thrownBy(() => decodeValue(Kind.Rich, bytes as Uint8Array, { extension: asking }))).toEqual(
      new RangeError("its own words"),
    );
  });

  it("any byte changed is refused or decodes to some value", () => {
    const symbol = Symbol("s");
    const base = fn("Base", { symbol });
    const known = encodeGraph({ symbol }, "captured", { extension });
    const value = [subclass("Leaf", base, { base, u: undefined }), new Map([[base, symbol]]), new Uint8Array(3)];
    const options = { extension, known: openGraph(known.bytes).read({ extension }).objects };
    const body = encodeValue(value, "value", { extension, known: known.objects }).bytes as Uint8Array;
    for (let i = 0; i < body.length; i++) {
      for (const byte of [0, 0x2d, 0x30, 0x31, 0x32, 0x35, 0x5b, 0xff]) {
        const changed = body.slice();
        changed[i] = byte;
        try {
          decodeValue(Kind.Rich, changed, options);
        } catch (error) {
          // The extension of these tests trusts what it is given, the codec does not.
          if (!(error instanceof SerializationError)) expect((error as Error).stack).toContain("extension-functions");
        }
      }
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
