import { describe, expect, it } from "vitest";
import { listeners } from "../support/listeners.js";
import { descendantsOf } from "../support/process-table.js";
import { type NodeProcess, spawnNode } from "../support/processes.js";

/* Which doors a node opens, as the kernel has it and not as the node says. */

const missing = process.platform === "linux" ? undefined : "only Linux has a table of sockets to read";

/** Where a node, its supervisor and whatever they have started listen. */
function doors({ pid }: NodeProcess): string[] {
  return [pid, ...descendantsOf(pid)].flatMap(listeners).sort();
}

function onLinux(name: string, test: () => Promise<void>): void {
  it(name, async (ctx) => {
    if (missing !== undefined) ctx.skip(missing);
    await test();
  });
}

describe("a node listens", () => {
  onLinux("at one port, on loopback, which is the one that was chosen", async () => {
    const root = await spawnNode({ workers: 2 });
    expect(doors(root)).toEqual([root.address]);
  });

  onLinux("on loopback as well if it has a parent and children", async () => {
    const root = await spawnNode();
    const child = await spawnNode({ parent: root.address });
    const grandchild = await spawnNode({ parent: child.address });
    for (const each of [root, child, grandchild]) expect(doors(each)).toEqual([each.address]);
  });

  onLinux("on every interface only if it is asked to", async () => {
    const root = await spawnNode({ args: ["--host", "0.0.0.0"] });
    expect(doors(root)).toEqual([`0.0.0.0:${root.address.split(":").at(-1)}`]);
  });

  onLinux("where it is told to, and nowhere else, by IPv6", async () => {
    const root = await spawnNode({ args: ["--host", "::1"] });
    expect(doors(root)).toEqual([root.address]);
  });
});
