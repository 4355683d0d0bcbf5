import { Refused } from "./refused.js";
import { bareUrl, moduleAt, type View } from "./view.js";

/** A function that sees a variable of another module, and the name that it has for it. */
export interface Importer {
  readonly view: View;
  readonly local: string;
}

/** A variable of a module, by its name there; `*` for the module as a whole. */
interface Variable {
  readonly url: string;
  readonly name: string;
}

/** So many modules may hand something on one after the other. */
const MOST_HANDS = 20;

/**
 * The functions that import a module's variable which a function of that module changes: an import is the variable
 * itself, not a copy of its value, also where other modules hand it on.
 * @throws Refused where one of them sees it as a member of a module, which does not follow it elsewhere
 */
export function importersOf(writer: View, name: string, views: ReadonlyMap<View, () => string>): Importer[] {
  const { file, offset } = writer;
  if (file?.facts === undefined || file.url === undefined || offset === undefined) return [];
  if (!file.script.isModule || file.facts.bindingAt(name, offset)?.isTop !== true) return [];
  const variable = { url: bareUrl(file.url), name };
  const isVariable = (found: Variable | undefined): boolean => found?.url === variable.url && found.name === name;
  const found: Importer[] = [];
  for (const [view, path] of views) {
    const { understood, file: from, offset: at } = view;
    if (understood.kind === "unreadable" || from?.facts === undefined || at === undefined) continue;
    for (const [local, use] of understood.free) {
      const record = from.facts.imports.get(local);
      if (record === undefined || from.facts.bindingAt(local, at)?.isTop !== true) continue;
      const meant = handedOn(target(record.specifier, from.url), record.imported);
      if (meant === undefined) continue;
      if (isVariable(meant)) found.push({ view, local });
      else if (meant.name === "*" && seesByMembers(meant.url, use.paths, isVariable)) {
        throw new Refused(
          path(),
          `sees the variable "${name}" of ${file.path} as a member of a module ${view.whereIs(use.at)}, while a function that is captured changes it`,
          `Import it by its name: import { ${name} } from the file.`,
        );
      }
    }
  }
  return found;
}

/** The module that a specifier means, if it is one of the program's own files. */
function target(specifier: string, from: string | undefined): string | undefined {
  if (!/^(?:\.|\/|file:)/.test(specifier) || from === undefined || !URL.canParse(specifier, from)) return undefined;
  return bareUrl(new URL(specifier, from).href);
}

/** The variable that a module exports by a name, wherever it is declared. */
function handedOn(url: string | undefined, name: string, hands = 0): Variable | undefined {
  if (url === undefined || hands > MOST_HANDS) return undefined;
  if (name === "*") return { url, name };
  const module = moduleAt(url);
  const { facts } = module ?? {};
  if (facts === undefined) return undefined;
  const local = facts.exports.get(name);
  if (local !== undefined) {
    const record = facts.imports.get(local);
    return record === undefined
      ? { url, name: local }
      : handedOn(target(record.specifier, module?.url), record.imported, hands + 1);
  }
  for (const { as, specifier, imported } of facts.handedOn) {
    if (as !== name && as !== "*") continue;
    const found = handedOn(target(specifier, module?.url), as === "*" ? name : imported, hands + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether the variable is among the members of a module that are used; of a module that is used as a whole, any of them. */
function seesByMembers(
  url: string,
  paths: readonly (readonly string[])[],
  isVariable: (found: Variable | undefined) => boolean,
): boolean {
  return paths.some(([member, ...rest]) => {
    const members = member === undefined ? namesOf(url) : [member];
    return members.some((each) => {
      const found = handedOn(url, each);
      if (isVariable(found)) return true;
      return found?.name === "*" && found.url !== url && seesByMembers(found.url, [rest], isVariable);
    });
  });
}

function namesOf(url: string, hands = 0): string[] {
  const module = moduleAt(url);
  const { facts } = module ?? {};
  if (facts === undefined || hands > MOST_HANDS) return [];
  return [...facts.exports.keys(), ...facts.handedOn.map(({ as }) => as)].flatMap((name) => {
    if (name !== "*") return [name];
    return facts.handedOn
      .filter(({ as }) => as === "*")
      .flatMap(({ specifier }) => namesOf(target(specifier, module?.url) ?? "", hands + 1));
  });
}
