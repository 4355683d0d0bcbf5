import { describe } from "vitest";
import { asSerial, schedules } from "./playing.js";
import { crowded, mended } from "./schedules.js";

describe("tasks that may be tried as often as need be have the results of a single loop, whatever happens", () => {
  schedules({ name: "of any tree", play: (seed) => asSerial(mended(seed)) });
  schedules({ name: "of 3,000 nodes", seeds: [0, 1, 2], play: (seed) => asSerial(crowded(seed)) });
});
