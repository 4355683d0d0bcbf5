import { readdirSync, watch } from "node:fs";
import { folderOf } from "../support/folders.js";
import { type NodeOptions, type Shape, spawnTree, type Tree } from "../support/processes.js";

/** Where nodes put the folders of programs. */
interface Place {
  readonly folder: string;
  /** Resolves when none of them is left. */
  empty(): Promise<void>;
}

function place(): Place {
  const folder = folderOf({ unused: "" });
  const left = (): string[] => readdirSync(folder).filter((name) => name.startsWith("pydist-run-"));
  const empty = async (): Promise<void> => {
    const changes = watch(folder);
    try {
      while (left().length > 0) await new Promise((resolve) => changes.once("change", resolve));
    } finally {
      changes.close();
    }
  };
  return { folder, empty };
}

export interface Willing extends Tree {
  readonly place: Place;
}

/** Root a, with b and c below it, and d below c; all of them run programs, in folders of one place. */
export async function fourNodes(options: Pick<NodeOptions, "until" | "args"> = {}): Promise<Willing> {
  const where = place();
  const { args = [], ...rest } = options;
  const node = (name: string, children: Shape[] = []): Shape => {
    return { name, children, env: { TMPDIR: where.folder }, ...rest, args: ["--allow-exec", ...args] };
  };
  const tree = await spawnTree(node("a", [node("b"), node("c", [node("d")])]));
  return { ...tree, place: where };
}

/** A program that stands at a gate of the test, and what starts another one that does. */
export const STANDING = {
  "stand.mjs": `
    import { connect } from "node:net";
    const [port, name] = process.argv.slice(2);
    process.on("SIGTERM", () => {});
    connect(Number(port), "127.0.0.1").on("error", () => {}).on("close", () => process.exit()).resume()
      .write(JSON.stringify(name + " " + process.env.PYDIST_RUN_INDEX) + "\\n");`,
  "parent.mjs": `
    import { spawn } from "node:child_process";
    spawn(process.execPath, ["stand.mjs", process.argv[2], "grandchild"], { stdio: "inherit" });
    await import("./stand.mjs");`,
};
