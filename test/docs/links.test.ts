import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { packages } from "../../scripts/packages.mjs";
import { root } from "../../scripts/pnpm.mjs";
import { anchorsOf, documents, proseOf, read } from "./markdown.js";

/** Link targets in a document, images included. */
function targetsOf(text: string): string[] {
  const inline = [...text.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target as string);
  const referenced = [...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)].map(([, target]) => target as string);
  return [...inline, ...referenced].filter((target) => !/^[a-z]+:/i.test(target));
}

describe.each(documents())("%s", (path) => {
  const text = read(path);

  it("links to files and headings that exist", () => {
    const dead = targetsOf(proseOf(text)).filter((target) => {
      const [file = "", anchor] = target.split("#");
      const found = file === "" ? path : normalize(join(dirname(path), decodeURI(file)));
      if (found.startsWith("..") || !existsSync(join(root, found))) return true;
      return anchor !== undefined && found.endsWith(".md") && !anchorsOf(read(found)).has(anchor);
    });
    expect(dead).toEqual([]);
  });
});

it("pages of packages link to nothing outside, for npm shows them without the repository", () => {
  const pages = documents().filter((path) => path.startsWith("packages/"));
  const outside = pages.flatMap((path) => targetsOf(proseOf(read(path))).filter((target) => target.startsWith("..")));
  expect(pages).toHaveLength(packages.length);
  expect(outside).toEqual([]);
});
