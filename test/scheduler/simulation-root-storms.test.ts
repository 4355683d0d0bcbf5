import { describe } from "vitest";
import { schedules, storm } from "./playing.js";
import { stormy } from "./schedules.js";

describe("any schedule in which the root dies and comes back, besides all else, keeps the invariants", () => {
  schedules({
    name: "of 200 nodes",
    part: [0, 0.8],
    fits: (seed) => stormy(seed).rootRestarts !== 0,
    play: (seed) => storm(stormy(seed)),
  });
});
