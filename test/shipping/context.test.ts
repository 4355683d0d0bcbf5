import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { isTaskReference, type ShippedCode, ship, task } from "@pydist/shipping";
import { CONTEXT_PROVIDER, type TaskContext } from "@pydist/shipping/runtime";
import { type Executor, type TaskContext as PublicTaskContext, task as publicTask } from "pydist";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { fixture, importNatively, loaded, programOf, thrownBy } from "./support.js";

type Place = { [CONTEXT_PROVIDER]?: (() => TaskContext | undefined) | undefined };

/** What a node's runner does around a task. */
function provide(context: Partial<TaskContext> | undefined): void {
  (globalThis as Place)[CONTEXT_PROVIDER] = () => context as TaskContext | undefined;
}

beforeEach(() => provide({ node: "n1", attempt: 2 }));
afterEach(() => {
  (globalThis as Place)[CONTEXT_PROVIDER] = undefined;
});

type AnyFunction = (...args: never[]) => unknown;

const modules = await fixture<{
  asking: Record<string, AnyFunction>;
  mine: Record<string, AnyFunction>;
  outer: AnyFunction;
  outerKept: AnyFunction;
}>("context.mjs");
const commonjs = await fixture<{ asking: Record<string, AnyFunction> }>("context.cjs");

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

describe("a function that travels may ask", () => {
  test.each([...Object.entries(modules.asking), ...Object.entries(commonjs.asking)])("%s", (_form, fn) => {
    const shipped = ship(fn);
    const program = programOf(shipped);
    expect(program.context).toBe("wanted");
    expect(program.bind(shipped.captured).fn(40)).toBe(42);
    provide({ node: "n1", attempt: 3 });
    expect(program.bind(shipped.captured).fn(40), "it asks when it is called").toBe(43);
    expect(shipped.text, "nothing of pydist travels").not.toContain("InvalidStateError");
  });

  test("as vitest compiles this very file", () => {
    expect(loaded(ship(() => task.context().node))()).toBe("n1");
    expect(programOf(ship(() => task.context().node)).context).toBe("wanted");
  });

  test("of another copy of the package, as two versions of a dependency have it", async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "pydist-copy-")));
    try {
      cpSync(fileURLToPath(new URL("./", import.meta.resolve("@pydist/shipping"))), folder, { recursive: true });
      symlinkSync(join(import.meta.dirname, "..", "node_modules"), join(folder, "node_modules"), "junction");
      const copy = await importNatively<{ task: typeof task }>(pathToFileURL(join(folder, "index.js")));
      expect(copy.task).not.toBe(task);
      const shipped = ship(() => copy.task.context().node);
      expect(programOf(shipped).context).toBe("wanted");
      expect(loaded(shipped)()).toBe("n1");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(Object.entries({ "task.context()": modules.outer, "the function alone": modules.outerKept }))(
    "from inside a task that submits it: %s",
    (_what, outer) => {
      const shipped = loaded(ship(outer))(ship) as ShippedCode;
      expect(programOf(shipped).context).toBe("wanted");
      expect(loaded(shipped)()).toBe("n1");
    },
  );

  test("and has the same InvalidStateError where no task runs", () => {
    provide(undefined);
    const fn = loaded(ship(() => task.context()));
    expect(thrownBy(() => fn())).toMatchObject({ code: "PYDIST_E_INVALID_STATE" });
  });

  test("and may use task() itself, to submit a reference from there", () => {
    const reference = loaded(ship((url: string) => task(url, "f")))(import.meta.url);
    expect(isTaskReference(reference)).toBe(true);
  });

  test("or keep the function, and not ask at all", () => {
    expect(loaded(ship(() => typeof task.context))()).toBe("function");
  });

  test.each(Object.entries(modules.mine))(
    "but what is called like it and is the user's own stays that: %s",
    (_, fn) => {
      const shipped = ship(fn);
      expect(programOf(shipped).context).toBe("unwanted");
      expect(loaded(shipped)()).toBe("mine");
    },
  );

  test("and a name that nothing stands behind is refused, whatever it is called", () => {
    for (const name of ["task", "pydist", "pydist_1", "import_pydist", "__vite_ssr_import_3__"]) {
      const fn = new Function(`return ${name}.task.context()`) as () => unknown;
      expect(thrownBy(() => ship(fn)).message).toContain(
        `uses "${name}" at 3:8 of its text, which is declared nowhere`,
      );
    }
  });
});

describe("whoever runs functions can tell", () => {
  test("that a function which does not ask needs no context", () => {
    const limit = 1;
    for (const fn of [() => 1, () => limit, Math.max]) expect(programOf(ship(fn)).context).toBe("unwanted");
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
