import { describe, expect, it } from "vitest";
import { type Clocks, Idleness, readClocks } from "../../packages/pydist-node/dist/node/idleness.js";

/** Looks every 2 s at a machine of four cores, of which others and this process use so much. */
function machine() {
  let clocks: Clocks = { cores: 1e6, busy: 5e5, own: 100 };
  let now = 0;
  const idleness = new Idleness(clocks);
  return (others: number, own = 0): "idle" | "busy" => {
    const { cores, busy } = clocks;
    clocks = { cores: cores + 8000, busy: busy + (others + own) * 2000, own: clocks.own + own * 2000 };
    now += 2000;
    return idleness.look(clocks, now);
  };
}

describe("a machine", () => {
  it("is busy when others use a quarter of its cores, whatever this process does", () => {
    const look = machine();
    expect(look(0.9, 0)).toBe("idle");
    expect(look(0.9, 3)).toBe("idle");
    expect(look(1, 3)).toBe("busy");
  });

  it("is idle again when others have left it alone for ten seconds on end", () => {
    const look = machine();
    expect(look(4)).toBe("busy");
    expect([look(0), look(0), look(2), look(0.5)]).toEqual(["busy", "busy", "busy", "busy"]);
    expect([look(0), look(0), look(0), look(0)]).toEqual(["busy", "busy", "busy", "busy"]);
    expect(look(0)).toBe("idle");
  });

  it("tells how long its cores and this process have worked", () => {
    const before = readClocks();
    for (const start = process.cpuUsage(); process.cpuUsage(start).user < 50_000; );
    const after = readClocks();
    expect(after.own - before.own).toBeGreaterThan(20);
    expect(after.cores).toBeGreaterThan(before.cores);
    expect(after.busy).toBeLessThanOrEqual(after.cores);
  });
});
