import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Elsewhere } from "./elsewhere.js";
import { type Line, linesIn, linesOf, problemsOf, runNode, Workshop } from "./loaders.js";

// One program, as each tool hands it to Node. Its functions must do on a node what they do in it.
const workshop = new Workshop();
let elsewhere: Elsewhere;
beforeAll(async () => {
  elsewhere = await Elsewhere.start({ packages: ["eventemitter3", "zod"] });
});
afterAll(async () => {
  await elsewhere.stop();
  workshop.close();
});

/** A program with a value that a package made, and that goes by what the package exports: its text has none of zod's. */
const made = `
import { appendFileSync } from "node:fs";
import { ship } from "@pydist/shipping";
import { z } from "zod";
const schema = z.object({ name: z.string().min(2) });
const parses = (row: unknown): boolean => schema.safeParse(row).success;
const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString("base64");
let line: object = { title: "a schema", name: parses.name, here: parses({ name: "ab" }) };
try {
  const { hash, text, captured, encodeArguments } = ship(parses);
  const { kind, text: plain, bytes } = encodeArguments([{ name: "ab" }]);
  const args = { kind, bytes: base64(plain ?? (bytes as Uint8Array)) };
  line = { ...line, hash, text, args, captured: captured && { ...captured, bytes: base64(captured.bytes) } };
} catch (error) {
  line = { ...line, error: String(error) };
}
appendFileSync(process.env.PYDIST_TEST_LINES as string, JSON.stringify(line) + "\\n");
`;

/** Every function of the program arrived, did the same, and at least one bears the mark of the tool. */
async function expectSameElsewhere(lines: readonly Line[], mark: RegExp): Promise<void> {
  expect(await problemsOf(elsewhere, lines)).toEqual([]);
  expect(lines.length).toBeGreaterThanOrEqual(15);
  expect(lines.some(({ source, text }) => mark.test(source) || mark.test(text ?? ""))).toBe(true);
}

describe("nastiest 8: compiled by tsc", () => {
  const { ES2015, ES2017, ES2022 } = ts.ScriptTarget;
  test.each([
    ["modules, as one would write them", "module", ES2022, /limits\.get/],
    ["CommonJS, as one would write it", "commonjs", ES2022, /lib_\w+\.\w+/],
    ["modules of ES2017, with helpers for fields and generators", "module", ES2017, /await/],
    ["modules of ES2015, with __awaiter", "module", ES2015, /__awaiter/],
    ["CommonJS of ES2015", "commonjs", ES2015, /__awaiter/],
  ] as const)("nastiest 8: %s", async (title, type, target, mark) => {
    const room = workshop.compiled(`tsc ${title.replaceAll(/\W+/g, "-")}`, type, target);
    await expectSameElsewhere(await linesOf(room, "--no-warnings", "main.js"), mark);
  });
});

describe("nastiest 8: TypeScript as it is", () => {
  test.each(["module", "commonjs"] as const)("nastiest 8: by tsx, a file of type %s", async (type) => {
    const room = workshop.copied(`tsx-${type}`, type);
    await expectSameElsewhere(await linesOf(room, "--no-warnings", "--import", "tsx", "main.ts"), /=>/);
  });

  test.each(["module", "commonjs"] as const)("what packages made, by tsx, in a file of type %s", async (type) => {
    const room = workshop.room(`tsx-packages-${type}`, type, { "main.ts": made });
    const lines = await linesOf(room, "--no-warnings", "--import", "tsx", "main.ts");
    expect(lines.map(({ title, error }) => error ?? title)).toEqual(["a schema"]);
    expect(await problemsOf(elsewhere, lines)).toEqual([]);
  });

  test("nastiest 8: by Node's own type stripping", async (ctx) => {
    if (!("typescript" in process.features) || process.features.typescript !== "strip") {
      ctx.skip(`Node ${process.version} does not strip types by itself`);
    }
    const room = workshop.copied("stripped", "module");
    await expectSameElsewhere(await linesOf(room, "--no-warnings", "main.ts"), /\(x {8}\)/);
  });
});

describe("nastiest 8: bundled by esbuild", () => {
  const variants: [title: string, options: BuildOptions, mark: RegExp][] = [
    ["modules", { format: "esm" }, /limits\.get/],
    ["CommonJS", { format: "cjs" }, /limits\.get/],
    ["modules, minified, names kept", { format: "esm", minify: true, keepNames: true }, /^\w=>\[/],
    ["CommonJS, minified, names kept", { format: "cjs", minify: true, keepNames: true }, /^\w=>\[/],
    ["minified, names lost", { format: "esm", minify: true }, /^\w=>\[/],
    ["for es2020, where #private is a WeakMap", { format: "esm", target: "es2020" }, /limits\.get/],
    ["for es2016, without async", { format: "cjs", target: "es2016", keepNames: true }, /__async/],
  ];
  test.each(variants)("nastiest 8: %s", async (title, options, mark) => {
    const type = options.format === "cjs" ? "commonjs" : "module";
    const room = workshop.copied(`esbuild ${title.replaceAll(/\W+/g, "-")}`, type);
    await build({
      ...options,
      absWorkingDir: room,
      entryPoints: ["main.ts"],
      outfile: "bundle.js",
      bundle: true,
      platform: "node",
      external: ["@pydist/*"],
      logLevel: "error",
    });
    await expectSameElsewhere(await linesOf(room, "--no-warnings", "bundle.js"), mark);
  });
});

describe("nastiest 8: in vitest", () => {
  const pools = ["forks", "threads", "vmThreads", "vmForks"] as const;
  test.each([
    ["without coverage", undefined, /__vite_ssr_import_/],
    ["with coverage of V8", "v8", /__vite_ssr_import_/],
    ["with coverage of istanbul", "istanbul", /cov_\w+/],
  ] as const)("nastiest 8: in all four pools, %s", async (title, provider, mark) => {
    const room = workshop.copied(`vitest ${title.replaceAll(/\W+/g, "-")}`, "module", {
      "program.test.ts": `import { done } from "./main.ts"; test("all have left", () => done);`,
    });
    const config = {
      root: room,
      // As packages are for a user, who has them in node_modules: not rewritten.
      server: { deps: { external: ["DIST"] } },
      coverage:
        provider === undefined
          ? { enabled: false }
          : { enabled: true, provider, reporter: ["json"], include: ["*.ts"] },
      projects: pools.map((pool) => ({
        extends: true,
        test: {
          name: pool,
          pool,
          globals: true,
          include: ["*.test.ts"],
          env: { PYDIST_TEST_LINES: join(room, `${pool}.jsonl`) },
        },
      })),
    };
    const text = JSON.stringify({ test: config }).replaceAll('"DIST"', String.raw`/\/packages\/[^/]+\/dist\//`);
    writeFileSync(join(room, "vitest.config.mjs"), `export default ${text};`);
    const vitest = join(import.meta.dirname, "..", "..", "node_modules", "vitest", "vitest.mjs");
    await runNode(room, [vitest, "run"]);
    for (const pool of pools) await expectSameElsewhere(linesIn(join(room, `${pool}.jsonl`)), mark);
  });
});
