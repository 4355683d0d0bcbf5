import { type FunctionText, functionText } from "../../packages/shipping/dist/analysis/function-text.js";
import {
  type UnderstoodClass,
  type UnderstoodFunction,
  understand,
} from "../../packages/shipping/dist/analysis/understand.js";

/** A text that has to be readable. */
export function readable(source: string, strict?: boolean): UnderstoodFunction | UnderstoodClass {
  const understood = understand(source, { strict });
  if (understood.kind === "unreadable") throw new Error(`${understood.reason}: ${source}`);
  return understood;
}

/** The same of a class. */
export function readableClass(source: string): UnderstoodClass {
  const understood = readable(source);
  if (understood.kind !== "class") throw new Error(`No class: ${source}`);
  return understood;
}

export interface Surroundings {
  readonly strict?: boolean;
  readonly name?: string;
  /** What the free names and slots mean. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** The values of names that live in cells. */
  readonly cells?: Readonly<Record<string, unknown>>;
  readonly heritage?: unknown;
  /** By name with `#`. */
  readonly privateStatics?: Readonly<Record<string, unknown>>;
  readonly helpers?: Readonly<Record<"import" | "meta", unknown>>;
}

/** Makes a function or class from its edited text, as the receiver does. */
export function rebuild(source: string, around: Surroundings = {}) {
  const understood = readable(source, around.strict);
  const cells = Object.fromEntries(Object.entries(around.cells ?? {}).map(([name, v]) => [name, { v }]));
  const text = functionText(understood, source, {
    name: around.name ?? "",
    cells: new Set(Object.keys(cells)),
  });
  const names: Record<string, unknown> = { ...around.values };
  for (const [name, cell] of text.cells) names[cell] = cells[name];
  for (const [name, helper] of Object.entries(text.helpers)) names[name] = around.helpers?.[helper];
  if (text.superSlot !== undefined) names[text.superSlot] = around.heritage;
  for (const { name, slot } of text.privateStatics) names[slot] = around.privateStatics?.[name];
  const value = compile(text, understood, names);
  return { value, cells, text, understood };
}

// biome-ignore lint/suspicious/noExplicitAny: the tests call what they wrote themselves
export type Made = any;

function compile(
  text: FunctionText,
  { form, strict }: UnderstoodFunction | UnderstoodClass,
  names: Record<string, unknown>,
): Made {
  const isMember = form === "method" || form === "accessor";
  const body = isMember ? `return ({${text.source}\n})` : `return (${text.source}\n)`;
  const make = new Function(...Object.keys(names), `${strict ? '"use strict";' : ""}${body}`);
  const made = make(...Object.values(names));
  if (!isMember) return made;
  const [descriptor] = Object.values(Object.getOwnPropertyDescriptors(made)) as PropertyDescriptor[];
  return descriptor?.get ?? descriptor?.set ?? descriptor?.value;
}
