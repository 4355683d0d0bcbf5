// What no compiler sees: the lock file's addresses, paths of somebody's machine, files that hold two ideas.
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { root } from "./pnpm.mjs";

const longest = 350;

// A clone may stand anywhere, also directly under a folder that texts rightly name.
const ordinary = new Set([tmpdir(), dirname(tmpdir()), "/", "/tmp", "/root", "/home", "/opt", "/srv", "/usr", "/var"]);
const machinePaths = [root, dirname(root)].filter((path) => !ordinary.has(path)).map((path) => path + sep);
const homeFolder = /(?:^|[\s"'`(=:])(?:\/home|\/Users|[A-Z]:\\Users)[\\/][\w.-]+[\\/]/;

// What Windows does not have, or macOS: code that uses it asks first where it is. The hosts and batch systems of a launcher are
// Unix, whoever starts it.
const unixOnly = /["'`]\/(?:proc|dev|tmp|bin|usr|etc)\b|\.gete?[ug]id\(|["'`](?:sh|bash|kill)["'`]/;

/**
 * What must not stand in one file, as "path:line: what".
 * @param {string} path in the repository, with slashes
 * @param {string} text
 */
export function textProblems(path, text) {
  /** @type {string[]} */
  const problems = [];
  const lines = text.split("\n");
  const report = (/** @type {(line: string) => boolean} */ test, /** @type {string} */ what) => {
    lines.forEach((line, index) => {
      if (test(line)) problems.push(`${path}:${index + 1}: ${what}`);
    });
  };

  report((line) => machinePaths.some((prefix) => line.includes(prefix)), "names a path of this machine");
  report((line) => homeFolder.test(line), "names somebody's home folder");
  report((line) => /\bregistry\.[\w-]+\.\w+/.test(line), "names a registry; which one is the user's choice");
  if (path === "pnpm-lock.yaml") {
    report((line) => /tarball:|https?:\/\//.test(line), "names a download address; the versions and hashes are enough");
  }
  if (path.startsWith("packages/") && path.endsWith(".ts")) {
    report((line) => /\b(?:TODO|FIXME|XXX|not implemented)\b/.test(line), "leaves something open");
    if (!path.startsWith("packages/launch/") && !text.includes("process.platform")) {
      report((line) => unixOnly.test(line), "is there on Unix only, and does not ask for process.platform");
    }
    if (lines.length > longest) problems.push(`${path}: ${lines.length} lines, at most ${longest}: one idea per file`);
  }
  if (path.startsWith("test/")) {
    report((line) => /\b(?:it|test|describe)\.(?:only|skip|todo)\(/.test(line), "is focused, skipped or empty");
  }
  return problems;
}

/** Everything in the repository's own files, committed or not yet, that must not be there. */
export function repositoryProblems() {
  const listed = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  if (listed.status !== 0) return [`git ls-files failed: ${listed.error?.message ?? listed.stderr}`];
  return listed.stdout.split("\0").flatMap((path) => {
    const file = join(root, path);
    if (path === "" || !statSync(file, { throwIfNoEntry: false })?.isFile()) return [];
    const text = readFileSync(file);
    return text.includes(0) ? [] : textProblems(path, text.toString("utf8"));
  });
}
