import { sharesBinding } from "../inspect/peek.js";
import type { TaskFunction } from "../task.js";
import { importersOf } from "./importers.js";
import { ours } from "./ours.js";
import { Refused } from "./refused.js";
import type { View } from "./view.js";

/** A variable that several shipped functions share and that at least one of them changes. */
export interface Cell {
  v: unknown;
}

const nothing: ReadonlyMap<string, Cell> = new Map();
/** Most pairs of functions of one capture that are compared by way of their frames, at some milliseconds each. */
const MOST_PEEKS = 200;

/**
 * Which functions share which variables. What nobody changes may be there twice, and what one function changes for
 * itself is its own; only a variable that one function changes and another one uses has to be one and the same.
 */
export class Cells {
  readonly #views = new Map<View, () => string>();
  #cells = new Map<View, Map<string, Cell>>();
  #peeks = 0;
  #settled = 0;

  /** The functions that were met, with their paths. */
  get met(): ReadonlyMap<View, () => string> {
    return this.#views;
  }

  /** A function was met on this path. */
  note(view: View, path: () => string): void {
    if (!this.#views.has(view)) this.#views.set(view, path);
  }

  /** The functions that were met, each with the path on which it was met first. */
  get functions(): ReadonlyMap<View, () => string> {
    return this.#views;
  }

  /** The cells of a function, by the names of its variables. */
  of(view: View): ReadonlyMap<string, Cell> {
    return this.#cells.get(view) ?? nothing;
  }

  /** Decides anew, for the functions that were met. @returns whether texts have to be made again */
  settle(): boolean {
    if (this.#views.size === this.#settled) return false;
    this.#settled = this.#views.size;
    const users = new Map<string, View[]>();
    const written = new Set<string>();
    for (const view of this.#views.keys()) {
      if (view.understood.kind === "unreadable") continue;
      for (const [name, use] of view.understood.free) {
        if (view.seen.get(name)?.kind !== "value") continue;
        const known = users.get(name);
        if (known === undefined) users.set(name, [view]);
        else known.push(view);
        if (use.written) written.add(name);
      }
    }
    const cells = new Map<View, Map<string, Cell>>();
    let count = 0;
    for (const name of written) {
      for (const group of this.#groups(name, users.get(name) ?? [])) {
        const first = group[0] as View;
        const members = [...group.map((view) => ({ view, local: name })), ...importersOf(first, name, this.#views)];
        if (members.length < 2) continue;
        const cell: Cell = ours({ v: valueIn(first, name) });
        for (const { view, local } of members) {
          const own = cells.get(view) ?? new Map<string, Cell>();
          cells.set(view, own.set(local, cell));
          count++;
        }
      }
    }
    const before = [...this.#cells.values()].reduce((sum, own) => sum + own.size, 0);
    if (count === before) return false;
    this.#cells = cells;
    return true;
  }

  /** Functions that mean the same variable by a name, if any of them changes it. */
  #groups(name: string, views: readonly View[]): View[][] {
    const groups: View[][] = [];
    // Those that change nothing only need to know whether they see what others change.
    for (const view of [...views].sort((a, b) => Number(writes(b, name)) - Number(writes(a, name)))) {
      const group = groups.find(([first]) => this.#isSame(name, first as View, view));
      if (group !== undefined) group.push(view);
      else if (writes(view, name)) groups.push([view]);
    }
    return groups;
  }

  #isSame(name: string, a: View, b: View): boolean {
    if (!Object.is(valueIn(a, name), valueIn(b, name))) return false;
    const [seenA, seenB] = [a.seen.get(name), b.seen.get(name)];
    const type = seenA?.scope.type ?? "";
    // All scripts have these in common, such as the lines that are typed at a prompt.
    if (common.has(type) && type === seenB?.scope.type) return true;
    if (a.file === undefined || b.file === undefined) return this.#isSameByFrames(name, a, b);
    if (a.file.id !== b.file.id) return false;
    if (seenA?.scope.type === "Module" && seenB?.scope.type === "Module") return true;
    const { facts } = a.file;
    const [at, bt] = [a.offset, b.offset];
    if (facts !== undefined && at !== undefined && bt !== undefined) {
      const [one, other] = [facts.bindingAt(name, at), facts.bindingAt(name, bt)];
      if (one !== undefined && other !== undefined) {
        if (one.at !== other.at || one.scope !== other.scope) return false;
        if (one.isTop) return true;
      }
    }
    return this.#isSameByFrames(name, a, b);
  }

  #isSameByFrames(name: string, a: View, b: View): boolean {
    for (const one of framesOf(a)) {
      for (const other of framesOf(b)) {
        if (this.#peeks++ >= MOST_PEEKS) break;
        try {
          return sharesBinding(one, other, name);
        } catch {
          // Its frame cannot be looked into without running it, or it does not see the variable.
        }
      }
    }
    const path = this.#views.get(b) ?? (() => name);
    throw new Refused(
      path(),
      `uses the variable "${name}" ${whereUsed(b, name)}, which another function changes that uses it ${whereUsed(a, name)}, and it cannot be told whether both mean the same one`,
      `Put it into an object that both use: const state = { ${name} }.`,
    );
  }
}

const common: ReadonlySet<string> = new Set(["Script", "Global"]);

/** Functions in whose frames a variable can be seen: of a class, those of its methods. */
function framesOf({ fn, understood }: View): TaskFunction[] {
  if (understood.kind !== "class") return [fn];
  const holders = [fn, Object.getOwnPropertyDescriptor(fn, "prototype")?.value as object];
  return holders.flatMap((holder) =>
    Object.values(Object.getOwnPropertyDescriptors(holder))
      .map(({ value }) => value as unknown)
      .filter((value): value is TaskFunction => typeof value === "function" && value !== fn),
  );
}

function writes({ understood }: View, name: string): boolean {
  return understood.kind !== "unreadable" && understood.free.get(name)?.written === true;
}

function whereUsed(view: View, name: string): string {
  const { understood } = view;
  return view.whereIs(understood.kind === "unreadable" ? [] : (understood.free.get(name)?.at ?? []));
}

function valueIn({ seen }: View, name: string): unknown {
  const found = seen.get(name);
  return found?.kind === "value" ? found.value : undefined;
}
