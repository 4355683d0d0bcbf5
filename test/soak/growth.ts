/** One measure of one process, in the order of time. */
export interface Sample {
  /** Minutes since the beginning. */
  readonly at: number;
  readonly value: number;
}

export interface Growth {
  /** Per minute: the median of the slopes between all pairs of samples. */
  readonly slope: number;
  /** What that makes from the first sample to the last. */
  readonly grown: number;
  /** Of all pairs, how many more rise than fall: 1 if each is higher than all before it, about 0 if it goes up and down. */
  readonly steadiness: number;
}

/** Below this, ups and downs are as likely a reason as growth. */
const STEADY = 0.5;

/**
 * Theil and Sen's slope, and Kendall's tau: unlike a line of least squares, neither is moved by the few samples that a
 * collection that came late, or another process of the machine, made high.
 */
export function growthOf(samples: readonly Sample[]): Growth {
  const slopes: number[] = [];
  let rising = 0;
  samples.forEach((later, i) => {
    for (const sooner of samples.slice(0, i)) {
      slopes.push((later.value - sooner.value) / (later.at - sooner.at));
      rising += Math.sign(later.value - sooner.value);
    }
  });
  slopes.sort((a, b) => a - b);
  const slope = slopes[slopes.length >> 1] ?? 0;
  const minutes = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);
  return { slope, grown: slope * minutes, steadiness: slopes.length === 0 ? 0 : rising / slopes.length };
}

/** Whether it is something that grows: by more than is allowed, and all the time rather than now and then. */
export function grows({ grown, steadiness }: Growth, allowed: number): boolean {
  return grown > allowed && steadiness > STEADY;
}
