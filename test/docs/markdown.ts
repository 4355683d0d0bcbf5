import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/pnpm.mjs";

/** A fenced block of a document. */
export interface Block {
  /** Of its opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** The `text` block directly behind it: what it prints. */
  readonly shown: string | undefined;
}

/** Paths of all documents in the repository, relative to its root. */
export function documents(): string[] {
  const top = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((path) => join("docs", path));
  const packages = readdirSync(join(root, "packages")).map((name) => join("packages", name, "README.md"));
  return [...top, ...docs.filter((path) => path.endsWith(".md")).sort(), ...packages].map((path) =>
    path.replaceAll("\\", "/"),
  );
}

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

const FENCE = /^ {0,3}(`{3,})\s*(\S*)\s*$/;

export function blocksOf(text: string): Block[] {
  const blocks: { line: number; end: number; language: string; code: string }[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const [, fence, language] = FENCE.exec(lines[at] as string) ?? [];
    if (fence === undefined) continue;
    const line = at + 1;
    const end = lines.indexOf(fence, at + 1);
    if (end < 0) throw new Error(`The block that begins in line ${line} never ends.`);
    blocks.push({ line, end, language: language ?? "", code: lines.slice(line, end).join("\n") });
    at = end;
  }
  return blocks.map(({ line, end, language, code }, i) => {
    const next = blocks[i + 1];
    const directly = next?.language === "text" && lines.slice(end + 1, next.line - 1).every((each) => each === "");
    return { line, language, code, shown: directly ? next.code : undefined };
  });
}

/** A document without its blocks and without code in its lines, for who looks at headings and links. */
export function proseOf(text: string): string {
  let inside = false;
  const lines = text.split("\n").map((line) => {
    if (!FENCE.test(line)) return inside ? "" : line.replace(/`[^`]*`/g, (code) => "`".padEnd(code.length, "`"));
    inside = !inside;
    return "";
  });
  return lines.join("\n");
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  let inside = false;
  for (const line of text.split("\n")) {
    if (FENCE.test(line)) inside = !inside;
    const [, heading] = (inside ? undefined : /^#{1,6}\s+(.*?)\s*$/.exec(line)) ?? [];
    if (heading === undefined) continue;
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}
