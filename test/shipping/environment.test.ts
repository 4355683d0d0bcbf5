import { pathToFileURL } from "node:url";
import { environment, ShippingError } from "pydist";
import { describe, expect, it } from "vitest";
import { folderOf, write } from "../support/folders.js";
import { thrownBy } from "../support/thrown.js";

const source = `import { cpus } from "node:os";
export const [first, { inner: renamed = 2, ...others }] = [1, {}];
export function f() { return cpus(); }
export class Kind {}
const hidden = 1;
export { hidden as shown };
export default 3;`;

function refusal(call: () => unknown): string {
  const error = thrownBy(call);
  expect(error).toBeInstanceOf(ShippingError);
  return error.message;
}

describe("the names of an environment", () => {
  it("are those that the module exports, which is not run for that", () => {
    const folder = folderOf({
      "lib.mjs": `#!/usr/bin/env node\nexport * from "./more.mjs"; export * as more from "./more.mjs";
        export async function here() {} throw new Error("it was run");`,
      "more.mjs": `export * from "./lib.mjs"; export const there = () => 1; export default 2;`,
    });
    expect(environment({ source }).names).toEqual(
      ["Kind", "default", "f", "first", "others", "renamed", "shown"].sort(),
    );
    const url = pathToFileURL(`${folder}/lib.mjs`);
    for (const module of [url, url.href, `${folder}/lib.mjs`]) {
      expect(environment(module).names).toEqual(["here", "more", "there"]);
    }
  });

  it("follow the file as it is edited", () => {
    const folder = folderOf({ "lib.mjs": "export const f = 1;" });
    const lib = environment(`${folder}/lib.mjs`);
    expect(lib.names).toEqual(["f"]);
    write(folder, { "lib.mjs": "export const f = 1, another = 2;" });
    expect(lib.names).toEqual(["another", "f"]);
  });

  it("are listed where one is asked for that is not there", () => {
    expect(refusal(() => environment({ source })("g"))).toMatch(
      /^environment: the source "import \{ cpus \} from \\"node:os\\";" exports no function "g"; it exports Kind, default, f, first, others, renamed, shown\. Use one of these names, or export a function of that name\. Called at \S+environment\.test\.ts:\d+:\d+\.$/,
    );
    expect(refusal(() => environment({ source: "1" })("g"))).toContain("it exports nothing.");
  });
});

describe("what is no environment is refused at once", () => {
  const folder = folderOf({
    "broken.mjs": "export const f = ;",
    "typed.ts": "export const f = (x: number): number => x;",
    "star.mjs": 'export * from "lodash";',
  });
  it.each([
    [
      "a text that is no module",
      { source: "export const f = = 1" },
      /cannot be read as an ES module: Unexpected token .*Correct it there/,
    ],
    [
      "a text that imports a package",
      { source: 'import "lodash";' },
      /imports "lodash", but a text lies in no folder .*put the text into a file/,
    ],
    [
      "a file with a mistake",
      `${folder}/broken.mjs`,
      /broken\.mjs cannot be read as an ES module: .*task\(url, name\)/,
    ],
    [
      "a file of TypeScript",
      `${folder}/typed.ts`,
      /typed\.ts cannot be read as an ES module: .*Refer to the compiled JavaScript/,
    ],
    ["a file that is not there", `${folder}/gone.mjs`, /gone\.mjs is no file here\. Pass the file: URL or path/],
    [
      "a module that hands a package on",
      `${folder}/star.mjs`,
      /exports all of "lodash", whose names are not known here\. .*export \{ name \} from/,
    ],
  ])("%s", (_what, module, message) => {
    expect(refusal(() => environment(module))).toMatch(message);
  });

  it.each([
    ["https://example.org/lib.mjs", /^environment: the module must be a file: URL/],
    [{ source: 1 }, /^environment: source is 1; it must be the text of a module\. A file is given by its file: URL/],
  ])("%j", (module, message) => {
    const error = thrownBy(() => environment(module as string));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(message);
  });
});
