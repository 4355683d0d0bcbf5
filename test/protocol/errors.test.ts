import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import * as protocol from "@pydist/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const {
  AuthenticationError,
  BrokenExecutorError,
  CancelledError,
  CheckpointError,
  ConnectionError,
  CycleError,
  DependencyError,
  ERROR_CODES,
  ExecRefusedError,
  GangError,
  HopLimitError,
  InvalidStateError,
  NodeLostError,
  PydistError,
  RankError,
  SerializationError,
  ShippingError,
  ShutdownError,
  TimeoutError,
  VersionMismatchError,
  WorkerExitError,
  WorkerMemoryError,
} = protocol;

const cause = new Error("why");
const all: [error: protocol.PydistError, name: string, code: string, fields: Record<string, unknown>][] = [
  [new PydistError("m", { cause }), "PydistError", "PYDIST_E_ERROR", {}],
  [new CancelledError("m", { cause }), "CancelledError", "PYDIST_E_CANCELLED", {}],
  [new TimeoutError("m", { cause }), "TimeoutError", "PYDIST_E_TIMEOUT", {}],
  [new InvalidStateError("m", { cause }), "InvalidStateError", "PYDIST_E_INVALID_STATE", {}],
  [new BrokenExecutorError("m", { cause }), "BrokenExecutorError", "PYDIST_E_BROKEN_EXECUTOR", {}],
  [
    new NodeLostError("m", { cause, nodes: ["a"], causes: ["b"], attempts: 1 }),
    "NodeLostError",
    "PYDIST_E_NODE_LOST",
    { nodes: ["a"], causes: ["b"], attempts: 1 },
  ],
  [
    new CheckpointError("m", { cause, path: "p", reason: "input", input: 3 }),
    "CheckpointError",
    "PYDIST_E_CHECKPOINT",
    { path: "p", reason: "input", input: 3 },
  ],
  [new WorkerExitError("m", { cause, exitCode: 3 }), "WorkerExitError", "PYDIST_E_WORKER_EXIT", { exitCode: 3 }],
  [new WorkerMemoryError("m", { cause }), "WorkerMemoryError", "PYDIST_E_WORKER_MEMORY", {}],
  [new DependencyError("m", { cause, path: "p" }), "DependencyError", "PYDIST_E_DEPENDENCY", { path: "p" }],
  [new SerializationError("m", { cause, path: "p" }), "SerializationError", "PYDIST_E_SERIALIZATION", { path: "p" }],
  [
    new ShippingError("m", { cause, path: "p", location: "f:1:2", remedy: "r" }),
    "ShippingError",
    "PYDIST_E_SHIPPING",
    { path: "p", location: "f:1:2", remedy: "r" },
  ],
  [new ShippingError("m", { cause }), "ShippingError", "PYDIST_E_SHIPPING", {}],
  [new AuthenticationError("m", { cause }), "AuthenticationError", "PYDIST_E_AUTHENTICATION", {}],
  [
    new VersionMismatchError("m", { cause, ours: "1", theirs: "2" }),
    "VersionMismatchError",
    "PYDIST_E_VERSION_MISMATCH",
    { ours: "1", theirs: "2" },
  ],
  [new ConnectionError("m", { cause, address: "h:1" }), "ConnectionError", "PYDIST_E_CONNECTION", { address: "h:1" }],
  [new ConnectionError("m", { cause }), "ConnectionError", "PYDIST_E_CONNECTION", {}],
  [new ShutdownError("m", { cause }), "ShutdownError", "PYDIST_E_SHUTDOWN", {}],
  [new HopLimitError("m", { cause }), "HopLimitError", "PYDIST_E_HOP_LIMIT", {}],
  [new ExecRefusedError("m", { cause, nodes: ["a"] }), "ExecRefusedError", "PYDIST_E_EXEC_REFUSED", { nodes: ["a"] }],
  [
    new GangError("m", { cause, wanted: 3, got: 1, slots: 2 }),
    "GangError",
    "PYDIST_E_GANG",
    { wanted: 3, got: 1, slots: 2 },
  ],
  [new RankError("m", { cause, rank: 1 }), "RankError", "PYDIST_E_RANK", { rank: 1 }],
  [new CycleError("m", { cause, cycle: ["a", "b", "a"] }), "CycleError", "PYDIST_E_CYCLE", { cycle: ["a", "b", "a"] }],
];

describe("every error", () => {
  it.each(all)("%s", (error, name, code, fields) => {
    expect(error).toBeInstanceOf(PydistError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name, code, message: "m", cause });
    expect({ ...error }).toEqual({ code, ...fields });
    expect(error.stack).toMatch(new RegExp(`^${name}: m\n.*errors\\.test`, "s"));
    expect(error.constructor.name).toBe(name);
  });

  it("has a code of the table, and every code has its class", () => {
    expect(new Set(all.map(([, , code]) => code))).toEqual(new Set(Object.keys(ERROR_CODES)));
    for (const [code, meaning] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^PYDIST_E_[A-Z_]+$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
  });

  it("has no cause unless one was given", () => {
    expect(Object.hasOwn(new TimeoutError("m"), "cause")).toBe(false);
    expect(new TimeoutError("m", { cause: undefined })).toHaveProperty("cause", undefined);
  });
});

describe("instanceof", () => {
  it("follows CPython: what breaks an executor is a BrokenExecutorError", () => {
    const broken = all.filter(([error]) => error instanceof BrokenExecutorError).map(([, name]) => name);
    expect(broken).toEqual(["BrokenExecutorError", "NodeLostError", "WorkerExitError", "WorkerMemoryError"]);
    expect(new BrokenExecutorError("m")).not.toBeInstanceOf(NodeLostError);
  });

  it("tells errors of pydist from others", () => {
    for (const other of [new Error("m"), { code: "PYDIST_E_TIMEOUT" }, null, undefined, 1, "PYDIST_E_TIMEOUT"]) {
      expect(other instanceof PydistError).toBe(false);
      expect(other instanceof TimeoutError).toBe(false);
    }
    expect(new DOMException("m", "TimeoutError")).not.toBeInstanceOf(TimeoutError);
  });

  it("is ordinary for a user's subclasses", () => {
    class Mine extends TimeoutError {}
    class Yours extends TimeoutError {}
    const mine = new Mine("m");
    expect([mine instanceof Mine, mine instanceof TimeoutError, mine instanceof PydistError]).toEqual([
      true,
      true,
      true,
    ]);
    expect([mine instanceof Yours, new TimeoutError("m") instanceof Mine]).toEqual([false, false]);
    expect(mine.code).toBe("PYDIST_E_TIMEOUT");
  });

  describe("across two copies of the package", () => {
    const folder = mkdtempSync(join(tmpdir(), "pydist-errors-"));
    let copy: typeof protocol;

    beforeAll(async () => {
      const dist = join(dirname(createRequire(import.meta.url).resolve("@pydist/protocol/package.json")), "dist");
      const files = ["errors.js", ...readdirSync(join(dist, "errors")).map((name) => join("errors", name))];
      mkdirSync(join(folder, "errors"));
      for (const file of files.filter((name) => name.endsWith(".js"))) {
        // The source maps stay behind, so their names must not be followed.
        writeFileSync(
          join(folder, file),
          readFileSync(join(dist, file), "utf8").replace(/^\/\/# sourceMappingURL.*$/m, ""),
        );
      }
      writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
      copy = (await import(pathToFileURL(join(folder, "errors.js")).href)) as typeof protocol;
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it("holds in both directions, class by class", () => {
      expect(copy.TimeoutError).not.toBe(TimeoutError);
      const theirs = new copy.WorkerExitError("m", { exitCode: 1 });
      expect(theirs).toBeInstanceOf(WorkerExitError);
      expect(theirs).toBeInstanceOf(BrokenExecutorError);
      expect(theirs).toBeInstanceOf(PydistError);
      expect(theirs).not.toBeInstanceOf(NodeLostError);
      expect(new WorkerMemoryError("m")).toBeInstanceOf(copy.BrokenExecutorError);
    });

    it("holds for errors that travelled between them", () => {
      const { kind, bytes } = protocol.encodeFailure(new copy.CycleError("m", { cycle: ["a", "a"] }));
      const got = protocol.decodeFailure(kind, bytes as Uint8Array);
      expect(Object.getPrototypeOf(got)).toBe(CycleError.prototype);
      expect(got).toMatchObject({ code: "PYDIST_E_CYCLE", cycle: ["a", "a"] });
    });
  });
});
