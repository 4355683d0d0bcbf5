import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { folderOf } from "../support/folders.js";

const beside = new URL("../../packages/pydist-node/dist/cli/doctor-beside.js", import.meta.url).href;

/** Packages beside a program: one that looks at the machine, one that does not, and one that cannot be loaded. */
const project = folderOf({
  "main.mjs": `
    import { checkBeside } from ${JSON.stringify(beside)};
    const packages = ["@pydist/looks", "@pydist/silent", "@pydist/broken", "@pydist/absent"];
    console.log(JSON.stringify(await checkBeside({ cluster: "red", connectTimeout: 1 }, packages)));`,
  ...installed(
    "looks",
    'export const examine = async ({ cluster }) => [{ name: "multicast", status: "fail", message: cluster }];',
  ),
  ...installed("silent", "export {};"),
  ...installed("broken", 'throw new Error("of another release");'),
});

function installed(name: string, text: string) {
  return {
    [`node_modules/@pydist/${name}/package.json`]: { name: `@pydist/${name}`, type: "module", exports: "./index.js" },
    [`node_modules/@pydist/${name}/index.js`]: text,
  };
}

it("packages that are installed beside the command say what they find", () => {
  const { stdout, stderr } = spawnSync(process.execPath, ["main.mjs"], { cwd: project, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual([
    { name: "multicast", status: "fail", message: "red", exitCode: 1 },
    {
      name: "@pydist/broken",
      status: "warn",
      message: "it cannot be used: of another release. Install one release of pydist-node and @pydist/broken.",
      exitCode: 0,
    },
  ]);
});
