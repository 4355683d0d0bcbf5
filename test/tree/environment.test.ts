import { environment } from "pydist";
import { describe, expect, it } from "vitest";
import { folderOf } from "../support/folders.js";
import { attach, bareNode, embedded, failure } from "./brought.js";

const folder = folderOf({
  "lib.mjs": `import { factor } from "./factor.mjs";
    import { basename } from "node:path";
    export const f = (x) => x * factor;
    export const name = (path) => basename(path);
    export const serve = ({ name, ...task }) => ({ name, task: Object.keys(task) });`,
  "factor.mjs": "export const factor = 2;",
});
type Lib = {
  f(x: number): number;
  name(path: string): string;
  serve(task: { name: string }): { name: string; task: string[] };
};
const source = `import { basename } from "node:path";
let calls = 0;
export const f = (x) => x * 2;
export const name = (path) => basename(path);
export const serve = ({ name, ...task }) => ({ name, task: Object.keys(task) });
export const count = () => ++calls;
export const five = 5;
export function fail() {
  throw new RangeError("too far");
}`;

describe.each([
  ["a file", () => environment<Lib>(`${folder}/lib.mjs`)],
  ["a text", () => environment<Lib>({ source })],
])("an environment from %s", (_from, make) => {
  it("has its functions called by name on a node that has nothing", async () => {
    const executor = await attach((await bareNode()).address);
    const lib = make();
    expect(await executor.submit(lib("f"), [21])).toBe(42);
    expect(await executor.submit(lib("name"), ["/a/b"])).toBe("b");
    // Slinger took each argument once, however often it was given.
    expect(await executor.map(lib("f"), [1, 1, 1])).toEqual([2, 2, 2]);
  });

  it("serves plain objects by a name that the program chooses", async () => {
    const executor = embedded({});
    const lib = make();
    const [handler] = lib.names.filter((name) => name.startsWith("ser"));
    expect(await executor.submit(lib(handler as "serve"), [{ name: "server", ...{ port: 1 } }])).toEqual({
      name: "server",
      task: ["port"],
    });
  });
});

describe("an environment from a text", () => {
  it("is made once in a thread", async () => {
    const executor = embedded({});
    expect(await executor.map(environment({ source })("count"), [1, 2, 3])).toEqual([1, 2, 3]);
  });

  it("serves as an initializer", async () => {
    const setUp = environment({ source: "export const setUp = (x) => { globalThis.given = x; };" })("setUp");
    const executor = embedded({ initializer: setUp, initargs: [7] });
    expect(await executor.submit(() => Reflect.get(globalThis, "given"))).toBe(7);
  });

  it("says so where a name stands for no function", async () => {
    const error = await failure(embedded({}).submit(environment({ source })("five")));
    expect(error).toMatchObject({ name: "TypeError", message: "The environment exports five, which is no function." });
  });

  it("has stacks with the lines of the text", async () => {
    const error = await failure(embedded({}).submit(environment({ source })("fail")));
    expect(error).toBeInstanceOf(RangeError);
    expect(String(error.stack)).toMatch(/at fail \(environment-[0-9a-f]{12}\.mjs:9:9\)/);
  });
});
