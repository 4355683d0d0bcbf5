import { describe, expect, it } from "vitest";
import { Heartbeat } from "../../packages/pydist-node/dist/links/heartbeat.js";

describe("the heartbeat", () => {
  it("pings an idle peer and calls it silent after the grace", () => {
    const heart = new Heartbeat(1000, 10_000, 0);
    heart.answered(0, 0);
    expect(heart.tick(1000, 5)).toBe("quiet");
    const pulses = Array.from({ length: 10 }, (_, i) => heart.tick(2000 + i * 1000, 5));
    expect(pulses).toEqual([...Array.from({ length: 9 }, () => "ping"), "silent"]);
  });

  it("takes any byte as life", () => {
    const heart = new Heartbeat(1000, 3000, 0);
    heart.answered(0, 0);
    for (let second = 1; second <= 4; second++) expect(heart.tick(second * 1000, second)).toBe("quiet");
  });

  it("measures the round trip of a busy link now and then", () => {
    const heart = new Heartbeat(1000, 3000, 0);
    heart.answered(0, 0);
    const pulses = Array.from({ length: 10 }, (_, i) => {
      const pulse = heart.tick((i + 1) * 1000, i + 1);
      if (pulse === "ping") heart.answered((i + 1) * 1000, (i + 1) * 1000 - 8);
      return pulse;
    });
    expect(pulses.filter((pulse) => pulse === "ping")).toHaveLength(2);
    expect(heart.rtt).toBeGreaterThan(0);
    expect(heart.rtt).toBeLessThan(8);
  });

  it("knows for how long nothing was heard, its own lateness apart", () => {
    const heart = new Heartbeat(1000, 10_000, 0);
    heart.tick(1000, 5);
    expect(heart.silence(1500)).toBe(500);
    heart.tick(2000, 5);
    heart.tick(3000, 5);
    expect(heart.silence(3500)).toBe(2500);
    expect(heart.silence(60_000)).toBe(3000);
  });

  it("does not hold its own lateness against the peer", () => {
    const heart = new Heartbeat(1000, 3000, 0);
    expect(heart.tick(1000, 1)).toBe("ping");
    // A minute on the event loop: what the peer sent meanwhile has not been read.
    expect(heart.tick(61_000, 1)).toBe("ping");
    expect(heart.tick(62_000, 1)).toBe("ping");
    expect(heart.tick(63_000, 1)).toBe("silent");
  });

  it("knows no round trip before the first answer", () => {
    const heart = new Heartbeat(1000, 3000, 0);
    expect(heart.rtt).toBeUndefined();
    heart.answered(30, 10);
    expect(heart.rtt).toBe(20);
    heart.answered(50, 22);
    expect(heart.rtt).toBe(21);
  });
});
