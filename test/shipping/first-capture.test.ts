import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const shipping = import.meta.resolve("@pydist/shipping");

const program = `
import { load, ship } from ${JSON.stringify(shipping)};
const hasFetch = () => process.moduleLoadList.some((name) => name.endsWith("deps/undici/undici"));
const data = { a: 1 };
ship(() => data.a);
const before = hasFetch();
const [A, B] = [Headers, Response];
const shipped = ship(() => [new A({ x: "y" }).get("x"), new B("", { status: 201 }).status]);
const { fn } = (await load(shipped.text)).bind(shipped.captured);
ship((a) => new Headers(a).get("x") + typeof MessageEvent);
console.log(JSON.stringify([before, fn(), shipped.captured.bytes.length < 400]));
`;

test("the first capture of a process loads nothing of Node's that nobody uses, and knows what is used later", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  expect(JSON.parse(stdout)).toEqual([false, ["y", 201], true]);
});
