import { inspect } from "node:util";
import type { ExecOptions } from "./exec.js";

type Check = (name: string, value: unknown) => void;

function must(be: string, holds: (value: unknown) => boolean): Check {
  return (name, value) => {
    if (!holds(value)) throw new TypeError(`exec: ${name} is ${inspect(value, { depth: 1 })}; it must be ${be}.`);
  };
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const OPTIONS: Readonly<Record<keyof ExecOptions, Check>> = {
  files: must("a path, or a list of paths", (value) => isText(value) || isTexts(value)),
  nodes: must(
    '"all", "any", or a list of names or ids of nodes',
    (value) => value === "all" || value === "any" || (isTexts(value) && (value as []).length > 0),
  ),
  cwd: must("a path", isText),
  env: must(
    "an object of texts",
    (value) =>
      typeof value === "object" && value !== null && Object.values(value).every((each) => typeof each === "string"),
  ),
  signal: must("an AbortSignal", (value) => value instanceof AbortSignal),
  timeout: must("a number of milliseconds above 0", (value) => typeof value === "number" && value > 0),
  onLine: must("a function", (value) => typeof value === "function"),
};

/** @throws TypeError naming what is wrong, and what is allowed */
export function checkExec(command: unknown, options: unknown): void {
  must(
    "a text for the shell, or a list of the program and its arguments",
    (value) =>
      isText(value) || (Array.isArray(value) && isText(value[0]) && value.every((each) => typeof each === "string")),
  )("command", command);
  must("an object", (value) => typeof value === "object" && value !== null)("the third argument", options);
  for (const [name, value] of Object.entries(options as object)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(OPTIONS, name)) {
      throw new TypeError(`exec has no option ${inspect(name)}; it has ${Object.keys(OPTIONS).join(", ")}.`);
    }
    OPTIONS[name as keyof ExecOptions](name, value);
  }
}
