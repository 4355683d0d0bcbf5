import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Callable, type Code, load, type SourceCode, ship, task } from "@pydist/shipping";
import { CONTEXT_PROVIDER, type Program, type TaskContext } from "@pydist/shipping/runtime";
import { type Executor, type TaskContext as PublicTaskContext, task as publicTask } from "pydist";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { thrownBy } from "./support.js";

type Place = { [CONTEXT_PROVIDER]?: (() => TaskContext | undefined) | undefined };

/** What a node's runner does around a task. */
function provide(context: Partial<TaskContext> | undefined): void {
  (globalThis as Place)[CONTEXT_PROVIDER] = () => context as TaskContext | undefined;
}

beforeEach(() => provide({ node: "n1", attempt: 2 }));
afterEach(() => {
  (globalThis as Place)[CONTEXT_PROVIDER] = undefined;
});

/** A function as other compilers leave it. */
function made(parameters: string, body: string): (...args: never[]) => unknown {
  return new Function(parameters, body) as (...args: never[]) => unknown;
}

function codeOf(fn: (...args: never[]) => unknown): SourceCode {
  return JSON.parse(ship(fn).text) as Code as SourceCode;
}

function program(fn: (...args: never[]) => unknown): Program {
  return load(ship(fn).text) as Program;
}

function loaded(fn: (...args: never[]) => unknown): Callable {
  return program(fn).bind(undefined).fn;
}

/** Runs a module beside this file in a process of its own. */
async function run(script: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: import.meta.dirname,
  });
  return stdout;
}

describe("task.context()", () => {
  test("gives what the runner provides, as it is at that moment", () => {
    expect(task.context()).toMatchObject({ node: "n1", attempt: 2 });
    provide({ node: "n2" });
    expect(task.context().node).toBe("n2");
  });

  test.each([
    ["where nothing runs tasks", () => delete (globalThis as Place)[CONTEXT_PROVIDER]],
    ["between two tasks", () => provide(undefined)],
  ])("is an InvalidStateError %s", (_where, leave) => {
    leave();
    const error = thrownBy(() => task.context());
    expect(error).toMatchObject({ name: "InvalidStateError", code: "PYDIST_E_INVALID_STATE" });
    expect(error.message).toContain("there is a context only while a submitted function runs");
  });

  test("is that of the very same task() in the package that users import, where its executor has a type", () => {
    expect(publicTask).toBe(task);
    expectTypeOf(publicTask.context).returns.toEqualTypeOf<PublicTaskContext>();
    expectTypeOf<PublicTaskContext["executor"]>().toEqualTypeOf<Executor>();
    expectTypeOf(publicTask<(x: number) => string>).returns.toExtend<(x: number) => string>();
  });
});

describe("a function that travels as text", () => {
  test.each([
    ["as it is written", made("x", "return task.context().attempt + x"), "task", "task"],
    ["in a function inside", made("x", "return [x].map((y) => task.context().attempt + y)[0]"), "task", "task"],
    ["of a namespace import", made("x", "return pydist.task.context().attempt + x"), "pydist", "pydist"],
    ["as tsc compiles an import", made("x", "return pydist_1.task.context().attempt + x"), "pydist_1", "pydist"],
    ["as esbuild does", made("x", "return import_pydist.task.context().attempt + x"), "import_pydist", "pydist"],
    [
      "as vite does",
      made("x", "return __vite_ssr_import_3__.task.context().attempt + x"),
      "__vite_ssr_import_3__",
      "pydist",
    ],
    ["that is called like it", { task: made("x", "return task.context().attempt + x") }.task, "task", "task"],
  ])("may use it %s", (_form, fn, name, helper) => {
    expect(codeOf(fn).helpers).toEqual({ [name]: helper });
    expect(loaded(fn)(40)).toBe(42);
  });

  test("may use it as vitest compiles this very file", () => {
    const fn = () => task.context().node;
    expect(Object.values(codeOf(fn).helpers)).toEqual(["pydist"]);
    expect(loaded(fn)()).toBe("n1");
  });

  test("may have a variable of that name, which is its own", () => {
    const fn = made("", "const task = { context: () => 'mine' }; return task.context()");
    expect(codeOf(fn).helpers).toEqual({});
    expect(loaded(fn)()).toBe("mine");
  });

  test("has the same InvalidStateError where no task runs", () => {
    provide(undefined);
    const fn = loaded(made("", "return task.context()"));
    expect(thrownBy(() => fn())).toMatchObject({ code: "PYDIST_E_INVALID_STATE" });
  });

  test.each([
    ["calling it", made("u", "task.context(); return task(u, 'f')"), "task", '"task" (3:24)'],
    ["passing it on", made("f", "return f(task)"), "task", '"task" (3:10)'],
    ["keeping the function", made("", "const { context } = task; return context()"), "task", '"task" (3:21)'],
    ["asking without a call", made("", "return task.context"), "task", '"task" (3:8)'],
    ["another member", made("", "pydist_1.task.context(); return pydist_1.wait"), "pydist_1", '"pydist_1" (3:33)'],
    [
      "another import",
      made("", "__vi_import_0__.task.context(); return (0,__vi_import_0__.mean)()"),
      "mean",
      'the import "mean" (3:43)',
    ],
    ["another object's", made("", "return app.task.context()"), "app", '"app" (3:8)'],
  ])("may not use it otherwise: %s", (_what, fn, name, words) => {
    const error = thrownBy(() => ship(fn));
    expect(error).toMatchObject({ code: "PYDIST_E_SHIPPING", names: [name] });
    expect(error.message).toContain(`uses ${words} from outside itself`);
  });
});

describe("whoever runs functions can tell", () => {
  test("which texts ask for a context", () => {
    expect(program(made("", "return task.context()")).context).toBe("wanted");
    expect(program(made("", "return pydist_1.task.context()")).context).toBe("wanted");
    expect(program(made("", "return 1")).context).toBe("unwanted");
  });

  test("which modules may: those loaded since somebody has task at hand, in a worker of pydist", async () => {
    const script = `
      import { readFileSync } from "node:fs";
      import { CONTEXT_WANTED, load, sha256 } from "@pydist/shipping/runtime";
      Object.defineProperty(globalThis, Symbol.for("pydist.worker"), { value: true });
      const wanted = () => CONTEXT_WANTED in globalThis;
      const url = new URL("./fixtures/native.cjs", "file://" + process.cwd() + "/");
      const code = { kind: "reference", url: url.href, export: "load", sha256: sha256(readFileSync(url)) };
      const before = [wanted(), (await load(JSON.stringify(code))).context];
      await import("@pydist/shipping");
      console.log(JSON.stringify([before, wanted(), (await load(JSON.stringify(code))).context]));`;
    expect(await run(script)).toBe('[[false,"unwanted"],true,"wanted"]\n');
  });

  test("that nothing asks in a program, where no tasks run", async () => {
    const script = `
      import "pydist";
      console.log(Symbol.for("pydist.context.wanted") in globalThis);`;
    expect(await run(script)).toBe("false\n");
  });
});
