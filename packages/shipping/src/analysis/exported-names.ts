import type * as Acorn from "acorn";
import { acorn } from "./parser.js";

/** What the text of an ES module says of its neighbours, without running it. */
export interface ModuleNames {
  /** Under which it exports something, in the order of the text. */
  readonly exported: readonly string[];
  /** Modules that it exports all of, without naming it. */
  readonly handedOn: readonly string[];
  /** Whatever its import and export statements name. */
  readonly imported: readonly string[];
}

/** @throws SyntaxError for a text that is no ES module */
export function moduleNames(text: string): ModuleNames {
  const { body } = acorn().parse(text, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true });
  const exported: string[] = [];
  const handedOn: string[] = [];
  const imported: string[] = [];
  for (const statement of body) {
    if ("source" in statement && statement.source) imported.push(String(statement.source.value));
    if (statement.type === "ExportDefaultDeclaration") exported.push("default");
    else if (statement.type === "ExportNamedDeclaration") {
      exported.push(...statement.specifiers.map((each) => nameOf(each.exported)), ...declared(statement.declaration));
    } else if (statement.type === "ExportAllDeclaration") {
      if (statement.exported) exported.push(nameOf(statement.exported));
      else handedOn.push(String(statement.source.value));
    }
  }
  return { exported, handedOn, imported };
}

function nameOf(name: Acorn.Identifier | Acorn.Literal): string {
  return name.type === "Identifier" ? name.name : String(name.value);
}

function declared(declaration: Acorn.Declaration | null | undefined): string[] {
  if (!declaration) return [];
  if (declaration.type !== "VariableDeclaration") return [declaration.id.name];
  return declaration.declarations.flatMap(({ id }) => patternNames(id));
}

function patternNames(pattern: Acorn.Pattern | null): string[] {
  switch (pattern?.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((each) => patternNames(each.type === "Property" ? each.value : each));
    case "ArrayPattern":
      return pattern.elements.flatMap(patternNames);
    case "RestElement":
      return patternNames(pattern.argument);
    case "AssignmentPattern":
      return patternNames(pattern.left);
    default:
      return [];
  }
}
