import { Lru } from "@pydist/shipping/runtime";
import { expect, it } from "vitest";

it("a map that was cleared has room for as much as before", () => {
  const map = new Lru<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.clear();
  map.set("c", 3);
  map.set("d", 4);
  expect(map.keys()).toEqual(["c", "d"]);
});
