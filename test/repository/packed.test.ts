import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packAll } from "../../scripts/pack.mjs";
import { packages } from "../../scripts/packages.mjs";
import { root } from "../../scripts/pnpm.mjs";

interface Manifest {
  version: string;
  bin?: Record<string, string>;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

let folder: string;
/** A user's project with the tarballs installed, and beside them only what their manifests name. */
let project: string;
const installed = (name: string) => join(project, "node_modules", name);
const manifestOf = (name: string) =>
  JSON.parse(readFileSync(join(installed(name), "package.json"), "utf8")) as Manifest;

function filesOf(name: string) {
  return readdirSync(installed(name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(installed(name).length + 1)
        .replaceAll("\\", "/"),
    );
}

function run(command: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: "utf8" });
  return { status, stdout, stderr };
}

// Installed by hand from what the workspace already holds: npm would need the network, and would hoist packages
// that are not declared to where they are found all the same.
function install(tarballs: string[]) {
  for (const [index, { name, path }] of packages.entries()) {
    mkdirSync(installed(name), { recursive: true });
    const unpacked = run("tar", "-xzf", tarballs[index] ?? "", "-C", installed(name), "--strip-components=1");
    expect(unpacked).toMatchObject({ status: 0, stderr: "" });
    const { dependencies, optionalDependencies } = manifestOf(name);
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (packages.some((own) => own.name === dependency) || existsSync(installed(dependency))) continue;
      mkdirSync(dirname(installed(dependency)), { recursive: true });
      symlinkSync(realpathSync(join(path, "node_modules", dependency)), installed(dependency), "junction");
    }
  }
}

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "pydist-packed-")));
  project = join(folder, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }');
  install(packAll(join(folder, "tarballs")));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.each(packages.map(({ name, folder }) => ({ name, folder })))("the tarball of $name", ({ name }) => {
  it("holds the program, its types, its sources and the licence, and nothing else", () => {
    const files = filesOf(name);
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "package.json", "dist/index.js", "dist/index.d.ts"]));
    const expected =
      /^(?:LICENSE|README\.md|package\.json|src\/.+\.(?:ts|cjs)|dist\/.+\.(?:js|d\.ts|cjs|d\.cts)(?:\.map)?)$/;
    expect(files.filter((file) => !expected.test(file) || /\.(?:test|bench)\./.test(file))).toEqual([]);
  });

  it("maps every line to a source that is inside", () => {
    const files = filesOf(name);
    const maps = files.filter((file) => file.endsWith(".map"));
    expect(maps.length).toBeGreaterThan(0);
    for (const map of maps) {
      const { sources } = JSON.parse(readFileSync(join(installed(name), map), "utf8")) as { sources: string[] };
      for (const source of sources) expect(files).toContain(posix.join(posix.dirname(map), source));
    }
  });

  it("asks for published versions only", () => {
    const { version, dependencies, optionalDependencies } = manifestOf(name);
    for (const [dependency, range] of Object.entries({ ...dependencies, ...optionalDependencies })) {
      expect(range).toMatch(packages.some((own) => own.name === dependency) ? version : /^[~^]?\d/);
    }
  });

  it("imports with what its manifest names", () => {
    const imported = run(process.execPath, "--input-type=module", "-e", `await import(${JSON.stringify(name)})`);
    expect(imported).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("has every command it names", () => {
    for (const file of Object.values(manifestOf(name).bin ?? {})) {
      expect(readFileSync(join(installed(name), file), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n.*\S/s);
    }
  });
});

describe("a user's program", () => {
  it("runs on the packed packages and ends by itself", () => {
    writeFileSync(
      join(project, "main.js"),
      `import { ClusterExecutor } from "pydist";
const executor = new ClusterExecutor();
try {
  console.log(await executor.map((n) => n * n, [1, 2, 3, 4]));
} finally {
  await executor.shutdown();
}
`,
    );
    expect(run(process.execPath, "main.js")).toEqual({ status: 0, stdout: "[ 1, 4, 9, 16 ]\n", stderr: "" });
  });

  it("has a volunteer that does its part within a minute of one command", { timeout: 90_000 }, async () => {
    const bin = join(installed("pydist-node"), manifestOf("pydist-node").bin?.["pydist-node"] ?? "");
    const key = join(folder, "volunteers-secret");
    writeFileSync(key, `${"v".repeat(43)}\n`, { mode: 0o600 });
    writeFileSync(
      join(project, "server.js"),
      `import { ClusterExecutor } from "pydist";
import { spawn } from "node:child_process";
const executor = new ClusterExecutor({ listen: "127.0.0.1:0", maxWorkers: 0, secretFile: process.argv[2] });
await executor.ready();
const begun = performance.now();
const parent = ["--parent", executor.address, "--port", "0", "--secret-file", process.argv[2]];
spawn(process.execPath, [process.argv[3], "spawn", ...parent, "--name", "volunteer"], { stdio: "ignore" });
const future = executor.submit((n) => n * n, [12]);
console.log(await future, future.node.name ?? future.node, Math.ceil((performance.now() - begun) / 1000));
await executor.shutdown({ stopNodes: true });
`,
    );
    const { status, stdout, stderr } = run(process.execPath, "server.js", key, bin);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [result, , seconds] = stdout.trim().split(" ");
    expect(result).toBe("144");
    expect(Number(seconds)).toBeLessThan(60);
  });

  it("compiles against the packed types, with every declaration checked", () => {
    mkdirSync(installed("@types"), { recursive: true });
    symlinkSync(realpathSync(join(root, "node_modules", "@types", "node")), installed("@types/node"), "junction");
    const options = {
      target: "ES2022",
      lib: ["ES2023", "ESNext.Disposable"],
      module: "NodeNext",
      types: ["node"],
      strict: true,
      noEmit: true,
      skipLibCheck: false,
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["main.ts"] }));
    writeFileSync(
      join(project, "main.ts"),
      `import { ClusterExecutor, type Future } from "pydist";
import { ClusterNode } from "pydist-node";
export const start = ClusterNode.start;
await using executor = new ClusterExecutor();
const lengths: number[] = await executor.map((word: string, n: number) => word.length + n, ["a", "b"], [1, 2]);
const future: Future<number> = executor.submit((a: number, b: number) => a + b, [1, 2]);
// @ts-expect-error: the arguments are those of the function
void executor.submit((a: number) => a, ["1"]);
console.log(lengths, await future);
`,
    );
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    expect(run(process.execPath, tsc, "-p", ".")).toEqual({ status: 0, stdout: "", stderr: "" });
  });
});
