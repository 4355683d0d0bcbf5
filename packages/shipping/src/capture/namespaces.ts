import { types } from "node:util";
import type { Extra } from "@pydist/protocol";
import { Kinds } from "../graph.js";
import { ours } from "./ours.js";

/** Those members of a module that a function uses, in the place of the whole. */
export class Narrowed {
  readonly names: readonly string[];
  readonly values: readonly unknown[];

  constructor(members: readonly (readonly [name: string, value: unknown])[]) {
    this.names = members.map(([name]) => name);
    this.values = members.map(([, value]) => value);
  }
}

// What vite calls the modules that it imports, and esbuild: no name that anyone would give.
export const compiledName = /^(?:__vite_ssr_import_\d+__|__vi_import_\d+__|import_\w+)$/;

/** Whether a value is what a module exports: such are used by their members, and seldom as a whole. */
export function isNamespace(value: unknown, name: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (types.isModuleNamespaceObject(value)) return true;
  if (!compiledName.test(name)) return false;
  if (types.isProxy(value)) return true;
  const tag: unknown = Object.getOwnPropertyDescriptor(value, Symbol.toStringTag)?.value;
  return Object.getPrototypeOf(value) === null || Object.hasOwn(value, "__esModule") || tag === "Module";
}

/**
 * Only what is reached by these paths; of modules in modules as well.
 * @throws ReferenceError for a variable that has no value yet
 */
export function narrowed(namespace: object, paths: readonly (readonly string[])[]): Narrowed {
  const byMember = new Map<string, (readonly string[])[]>();
  for (const [member, ...rest] of paths) {
    if (member === undefined || !(member in namespace)) continue;
    const known = byMember.get(member);
    if (known === undefined) byMember.set(member, [rest]);
    else known.push(rest);
  }
  return new Narrowed(
    [...byMember].map(([member, rests]) => {
      const value: unknown = Reflect.get(namespace, member);
      const isPart = rests.every(({ length }) => length > 0) && isNamespace(value, "");
      return [member, isPart ? narrowed(value as object, rests) : value];
    }),
  );
}

export function lowerNarrowed({ names, values }: Narrowed): Extra {
  return {
    type: Kinds.Namespace,
    parts: [ours([...names]), ...values],
    step: (part) => (part === 0 ? "" : `.${names[part - 1]}`),
  };
}
