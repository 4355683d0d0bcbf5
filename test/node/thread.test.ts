import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Thread } from "../../packages/pydist-node/dist/pool/thread.js";
import { opened } from "../support/opened.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

describe("a thread", () => {
  // An error that is made in advance keeps whatever has called it: threads that were made in answer to what another one
  // posted kept each other, all of them, for ever.
  it("keeps nothing of whoever has made it", async () => {
    class Maker {
      make(): Thread {
        return new Thread(
          () => {},
          () => {},
        );
      }
    }
    const [thread, maker] = (() => {
      const one = new Maker();
      return [one.make(), new WeakRef(one)] as const;
    })();
    opened({ close: () => thread.destroy() });
    // What a WeakRef was made for is kept until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(maker.deref()).toBeUndefined();
  });
});
