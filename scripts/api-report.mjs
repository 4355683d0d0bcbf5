// What the packages export, as API Extractor reports it, in packages/NAME/etc. `npm run api` writes the reports; the check
// compares them, so that a change of what users build on is seen where it is reviewed.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { packages } from "./packages.mjs";
import { root } from "./pnpm.mjs";

/** Rooms that nobody but packages of ours imports: their release is that of the packages above them. */
const inner = new Set(["protocol", "scheduler", "shipping", "futures"]);
const bundledPackages = packages.filter(({ folder }) => inner.has(folder)).map(({ name }) => name);

/**
 * @param {{ folder: string, path: string }} package_ compiled
 * @param {"write" | "compare"} mode
 * @returns {boolean} whether the report in the repository is that of the package
 */
function report({ folder, path }, mode) {
  const temporary = mkdtempSync(join(tmpdir(), "pydist-api-"));
  try {
    mkdirSync(join(path, "etc"), { recursive: true });
    const entry = join(path, "dist", "index.d.ts");
    const config = ExtractorConfig.prepare({
      configObjectFullPath: undefined,
      packageJsonFullPath: join(path, "package.json"),
      configObject: {
        projectFolder: path,
        mainEntryPointFilePath: entry,
        bundledPackages,
        newlineKind: "lf",
        compiler: {
          // The declarations are read by the compiler that API Extractor brings.
          overrideTsconfig: {
            extends: join(root, "tsconfig.base.json"),
            compilerOptions: { types: ["node"], typeRoots: [join(root, "node_modules", "@types")] },
            files: [entry],
            include: [],
          },
        },
        apiReport: {
          enabled: true,
          reportFileName: `${folder}.api.md`,
          reportFolder: join(path, "etc"),
          reportTempFolder: temporary,
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Warning } },
          extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
          tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        },
      },
    });
    const { succeeded } = Extractor.invoke(config, {
      localBuild: mode === "write",
      printApiReportDiff: true,
      messageCallback: (message) => {
        if (message.messageId === "console-preamble") message.handled = true;
      },
    });
    return succeeded;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** @param {"write" | "compare"} mode */
export function reportAll(mode) {
  const wrong = packages.filter(({ folder }) => !inner.has(folder)).filter((each) => !report(each, mode));
  for (const { name } of wrong) console.error(`${name} exports something else than its report says: npm run api`);
  return wrong.length === 0;
}

if (process.argv[1] === import.meta.filename && !reportAll("write")) process.exitCode = 1;
