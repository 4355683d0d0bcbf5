import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../packages/pydist-node/dist/cli/exit-codes.js";
import { flagOf, SETTING_NAMES, SETTINGS, variableOf } from "../../packages/pydist-node/dist/cli/settings.js";
import { subcommands as loaders } from "../../packages/pydist-node/dist/cli/subcommands.js";

const subcommands = await Promise.all(Object.values(loaders).map((load) => load()));
const page = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");
// The formatter pads the cells of a table.
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.replaceAll(/ +/g, " "));

describe("docs/cli.md", () => {
  it.each(SETTING_NAMES)("describes %s as it is", (name) => {
    const [flag, variable, shown, readBy] = (rows.find((row) => row.startsWith(`| \`${flagOf(name)}\` |`)) ?? "")
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    expect([flag, variable]).toEqual([`\`${flagOf(name)}\``, `\`${variableOf(name)}\``]);
    const value = SETTINGS[name].default;
    if (typeof value === "string" || typeof value === "number") expect(shown).toBe(`\`${value}\``);
    if (typeof value === "boolean") expect(shown).toBe(value ? "on" : "off");
    const readers = subcommands.filter(({ settings }) => settings.includes(name)).map((subcommand) => subcommand.name);
    expect(readBy).toBe(readers.length === subcommands.length ? "all" : readers.join(", "));
  });

  it("describes each command", () => {
    const headings = page
      .split("\n")
      .filter((line) => line.startsWith("## "))
      .join();
    for (const { name } of subcommands) expect(headings).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it("describes each exit code", () => {
    const codes = rows.flatMap((row) => /^\| ([\d, ]+) \|/.exec(row)?.[1]?.split(", ").map(Number) ?? []);
    expect(codes).toEqual(Object.values(EXIT));
  });
});
