import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { ClusterExecutor } from "pydist";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { folderOf } from "../support/folders.js";
import type { AnyFunction } from "./capturing.js";
import { Elsewhere, pack } from "./elsewhere.js";
import { fixture, importNatively, thrownBy } from "./support.js";

const made = await fixture<Record<string, AnyFunction>>("capture/made-by-packages.mjs");

function refusalOf(fn: AnyFunction): ShippingError {
  const error = thrownBy(() => ship(fn));
  expect(error).toBeInstanceOf(ShippingError);
  return error as ShippingError;
}

describe("what a package made and cannot travel is named by the program's way to it", () => {
  test("because it would take the package apart", () => {
    const { message, path, remedy } = refusalOf(made.large as AnyFunction);
    expect(path).toBe("large > root.expressions[0].evaluate");
    expect(message).toMatch(
      /^submit: function "large" cannot travel: large > root\.expressions\[0\]\.evaluate was made by the package mathjs [\d.]+, and inside of it expr > .* is one of more than 1000 functions that would travel\. Make it inside the function, with what is imported from "mathjs"\. Called at .*made-by-packages\.test\.ts:/,
    );
    expect(remedy).toBe('Make it inside the function, with what is imported from "mathjs".');
  });

  test("because of what it keeps", () => {
    (made.startTimer as () => void)();
    try {
      const { message, path } = refusalOf(made.live as AnyFunction);
      expect(path).toBe("live > waiting");
      expect(message).toMatch(
        /live > waiting was made by the package lodash [\d.]+, and inside of it lastArgs is an arguments object\. Make it inside the function, with what is imported from "lodash"\./,
      );
    } finally {
      (made.stopTimer as () => void)();
    }
  });

  test("but what the program gave to it is the program's", () => {
    const { message, path } = refusalOf(made.callback as AnyFunction);
    expect(path).toBe("callback > writes.debounced > invokeFunc > func > given > func > socket");
    expect(message).toContain("func > socket is a Socket, which belongs to this process. Make it inside the function");
  });
});

describe("large parts of one file", () => {
  const chain = (count: number) => {
    const functions = Array.from({ length: count }, (_, i) => `function f${i}() { return ${i} + f${i + 1}(); }`);
    const folder = folderOf({
      "app.mjs": [...functions, `function f${count}() { return 0; }`, "export { f0 };"].join("\n"),
    });
    return join(folder, "app.mjs");
  };

  test("are refused, with how to bundle", async () => {
    const file = chain(1000);
    const { f0 } = await importNatively<{ f0: AnyFunction }>(pathToFileURL(file));
    const { message, remedy } = refusalOf(f0);
    expect(message).toContain(`f998 > f999 > f1000 is one of more than 1000 functions of ${file} that would travel.`);
    expect(remedy).toBe(
      "If that is a bundle, leave packages out of it (esbuild --packages=external); if not, have the function import what it uses.",
    );
  });

  test("travel up to then", async () => {
    const { f0 } = await importNatively<{ f0: AnyFunction }>(pathToFileURL(chain(999)));
    expect(JSON.parse(ship(f0).text).texts).toHaveLength(1000);
  });
});

describe("an executor", () => {
  test("stays, and the task's own is named", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const held = { executor };
    const { message, path } = refusalOf(() => held.executor.submit(() => 1));
    expect(path).toMatch(/> held\.executor$/);
    expect(message).toContain(
      "held.executor is an executor, which belongs to the process that made it. Use task.context().executor inside the function (task is imported from pydist): it leads to the same nodes.",
    );
    await executor.shutdown();
  });
});

describe("packages that are asked for by a name that is not written out", () => {
  let elsewhere: Elsewhere;
  beforeAll(async () => {
    elsewhere = await Elsewhere.start({ packages: ["eventemitter3"] });
  });
  afterAll(() => elsewhere.stop());

  test.each(["named", "resolved", "imported"])("are missed with what to do: %s", async (name) => {
    const { error } = await elsewhere.run(pack(ship(made[name] as AnyFunction), ["simple-statistics"]));
    expect(error?.message).toMatch(/^Cannot find (?:module|package) 'simple-statistics'/);
    expect(error?.message).toContain(
      'simple-statistics is brought to node "far" if its name is written out in the function, as in await import("simple-statistics"), and it is installed where that was written.',
    );
    expect((error as NodeJS.ErrnoException).code).toMatch(/MODULE_NOT_FOUND$/);
  });

  test("are found where they are installed", async () => {
    const { value } = await elsewhere.run(pack(ship(made.resolved as AnyFunction), ["eventemitter3"]));
    expect(value).toMatch(/^file:.*eventemitter3/);
  });

  test("createRequire of another place is Node's, and modules of Node are at hand", async () => {
    const run = async (name: string, ...args: unknown[]) =>
      (await elsewhere.run(pack(ship(made[name] as AnyFunction), args))).value;
    expect(await run("elsewhere", join(elsewhere.directory, "file.js"))).toBe(true);
    expect(await run("builtins")).toEqual(["function", "fs"]);
  });

  test("vitest's own paths to packages lead to them", async () => {
    const fn = async () => new (await import("eventemitter3")).EventEmitter().listenerCount("x");
    expect(fn.toString()).toContain("/node_modules/eventemitter3/");
    expect((await elsewhere.run(pack(ship(fn)))).value).toBe(0);
  });
});
