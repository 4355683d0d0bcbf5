import { describe } from "vitest";
import { schedules, storm } from "./playing.js";
import { stormy } from "./schedules.js";

describe("any schedule of joins, losses, cuts, freezes, restarts and cancellations keeps the invariants", () => {
  schedules({
    name: "of 200 nodes whose root stays",
    part: [0, 0.8],
    fits: (seed) => stormy(seed).rootRestarts === 0,
    play: (seed) => storm(stormy(seed)),
  });
});
