import type { NodeDescription } from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { type Arrival, type Child, type Place, Placement } from "../../packages/pydist-node/dist/node/placement.js";
import { random as seeded } from "../support/random.js";
import { leastDepth } from "./forest.js";

const LAN = "10.0.0.";

function arrival(id: string, fields: Partial<Arrival> = {}): Arrival {
  return { id, name: id, address: `${LAN}${id.length}:9000`, host: `${LAN}${id.length}`, ...fields };
}

function below(id: string, parent: string): NodeDescription {
  return { id, parent } as NodeDescription;
}

/** A placement whose children and nodes below can be changed, with those that it has. */
function placing(most: number, names: readonly string[], fields: Partial<Child> = {}) {
  const children = names.map((id): Child => ({ ...arrival(id), direction: "accepted", ...fields }));
  const nodes = names.map((id) => below(id, "self"));
  const placement = new Placement({ id: "self", most, children: () => children, below: () => nodes });
  const place = (newcomer: Arrival, unreached: readonly string[] = [], now = 0) =>
    toward(placement.place(newcomer, unreached, now));
  return { children, nodes, place };
}

function toward(place: Place): string {
  return place.is === "below" ? place.child.id : place.is;
}

describe("a newcomer", () => {
  it("stays while there is room, and those who are on their way take room", () => {
    const { place } = placing(2, ["a"]);
    expect(place(arrival("x"))).toBe("here");
    expect(place(arrival("y"))).not.toBe("here");
    // It asks again, as a node does whose first try was disturbed: it has its place.
    expect(place(arrival("x"))).toBe("here");
  });

  it("that never came has its place kept for half a minute only", () => {
    const { place } = placing(2, ["a"]);
    expect(place(arrival("x"))).toBe("here");
    expect(place(arrival("y"), [], 30_000)).not.toBe("here");
    expect(place(arrival("y"), [], 30_001)).toBe("here");
  });

  it("may be sent to one that was only let in a moment ago", () => {
    const { place } = placing(1, []);
    expect(place(arrival("x"))).toBe("here");
    expect(place(arrival("y"))).toBe("x");
  });

  it("who is here already keeps its place, however many there are", () => {
    const { place } = placing(1, ["a", "b"]);
    expect(place(arrival("b"))).toBe("here");
  });

  it("that is this node itself is let in: it hears of the circle by the way up", () => {
    const { place } = placing(1, ["a"]);
    expect(place(arrival("self"))).toBe("here");
  });

  it("goes to where it is least deep, though more nodes are there", () => {
    const { nodes, place } = placing(2, ["a", "b"]);
    // a has a chain of three below, b two children: there the next one comes to be a level deeper.
    nodes.push(below("a1", "a"), below("a2", "a1"), below("a3", "a2"), below("b1", "b"), below("b2", "b"));
    expect(place(arrival("x"))).toBe("a");
    // That place is kept for x; now both have room only on the next level, and b has fewer nodes.
    expect(place(arrival("y"))).toBe("b");
  });

  it("goes to the smaller of equal subtrees, those counted who are on their way there", () => {
    const { nodes, place } = placing(8, ["a", "b", "c", "d", "e", "f", "g", "h"]);
    nodes.push(below("a1", "a"));
    const sent = Array.from({ length: 8 }, (_, i) => place(arrival(`x${i}`)));
    expect(sent).toEqual(["b", "c", "d", "e", "f", "g", "h", "a"]);
  });
});

describe("a child", () => {
  it("on loopback is for those of its machine", () => {
    const local = { address: "127.0.0.1:9001", host: "10.0.0.7" };
    const { place } = placing(1, ["a"], local);
    expect(place(arrival("far", { host: "10.0.0.8" }))).toBe("beyond");
    expect(place(arrival("near", { host: "10.0.0.7" }))).toBe("a");
  });

  it.each([undefined, "", "nowhere:0", "not an address"])("that says %j of where it is, is for nobody", (address) => {
    const { place } = placing(1, ["a"], { address });
    expect(place(arrival("x"))).toBe("beyond");
  });

  it("that had to be dialled is for nobody", () => {
    const { place } = placing(1, ["a"], { direction: "dialed" });
    expect(place(arrival("x"))).toBe("beyond");
  });

  it("that could not be reached is not named to the same one again, and to others last", () => {
    const { place } = placing(3, ["a", "b", "c"]);
    expect(place(arrival("x"))).toBe("a");
    expect(place(arrival("x"), ["a"])).toBe("b");
    expect(place(arrival("y"))).toBe("c");
    expect(place(arrival("z"))).toBe("b");
  });

  it("is let in beyond the limit once it could not reach two", () => {
    const { place } = placing(3, ["a", "b", "c"]);
    expect(place(arrival("x"), ["a"])).toBe("b");
    expect(place(arrival("x"), ["a", "b"])).toBe("beyond");
    // What it could not reach elsewhere is no reason here.
    expect(place(arrival("y"), ["p", "q"])).toBe("c");
  });
});

describe("a tree of such nodes", () => {
  const shapes = [
    [200, 8],
    [1000, 8],
    [1000, 3],
    [300, 2],
  ] as const;
  it.each(shapes)(
    "of %i with %i children each is as flat as it can be, in whatever order word comes",
    (count, most) => {
      const random = seeded(count + most);
      const parents = new Map<string, string>();
      const childrenOf = new Map<string, Child[]>([["root", []]]);
      // What each has heard of so far: word of a newcomer travels up, at times much later.
      const known = new Map<string, NodeDescription[]>([["root", []]]);
      const placements = new Map<string, Placement>();
      const grow = (id: string): void => {
        childrenOf.set(id, childrenOf.get(id) ?? []);
        known.set(id, known.get(id) ?? []);
        const children = () => childrenOf.get(id) ?? [];
        placements.set(id, new Placement({ id, most, children, below: () => known.get(id) ?? [] }));
      };
      grow("root");
      const news: (() => void)[] = [];
      for (let i = 0; i < count; i++) {
        const newcomer = arrival(`n${i}`);
        let at = "root";
        for (;;) {
          const place = placements.get(at)?.place(newcomer, [], 0) as Place;
          expect(place.is).not.toBe("beyond");
          if (place.is !== "below") break;
          at = place.child.id;
        }
        parents.set(newcomer.id, at);
        childrenOf.get(at)?.push({ ...newcomer, direction: "accepted" });
        grow(newcomer.id);
        const parent = at;
        news.push(() => {
          for (let up: string | undefined = parent; up !== undefined; up = parents.get(up)) {
            known.get(up)?.push(below(newcomer.id, parent));
          }
        });
        while (news.length > 0 && random() < 0.4) news.shift()?.();
      }
      const depth = (id: string): number => (id === "root" ? 0 : 1 + depth(parents.get(id) as string));
      const depths = [...parents.keys()].map(depth);
      expect(Math.max(...depths)).toBeLessThanOrEqual(leastDepth(count + 1, most));
      expect(Math.max(...[...childrenOf.values()].map(({ length }) => length))).toBeLessThanOrEqual(most);
    },
  );
});
