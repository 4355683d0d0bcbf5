import { callUser } from "./listeners.js";
import type { MapRun, MapWatcher } from "./map-run.js";
import { ProgressBar } from "./progress-bar.js";

/** Where a map is: what its `progress` callback is given. */
export interface Progress {
  /** Calls that are settled. */
  readonly done: number;
  /** Undefined while the source's end is not known. */
  readonly total: number | undefined;
  /** How many of those that are done failed or were cancelled. */
  readonly failed: number;
  /** Calls that are known to run. Nodes tell within about 50 ms. */
  readonly running: number;
  /** Calls that were settled for each second of late. */
  readonly rate: number;
  /** Milliseconds that are left at this rate; undefined while that is not known. */
  readonly eta: number | undefined;
}

/** "Of late" is this many milliseconds, and what is older counts no more. */
const WINDOW = 10_000;
/** So often, in milliseconds, the window's edge moves. */
const STEP = 250;

/** Settled calls for each second. */
class Rate {
  /** Where the count was at some times, oldest first. */
  readonly #marks: { readonly at: number; readonly done: number }[] = [{ at: performance.now(), done: 0 }];

  update(done: number, now: number): number {
    const marks = this.#marks;
    while (marks.length > 1 && (marks[1] as { at: number }).at <= now - WINDOW) marks.shift();
    const [oldest] = marks as [{ at: number; done: number }];
    if (now - (marks.at(-1) as { at: number }).at >= STEP) marks.push({ at: now, done });
    return now > oldest.at ? ((done - oldest.done) / (now - oldest.at)) * 1000 : 0;
  }
}

/** Makes of a run's counts what a progress callback is told. */
class Reporter implements MapWatcher {
  readonly #rate = new Rate();
  readonly #tell: (progress: Progress) => void;
  readonly #stop: () => void;

  constructor(tell: (progress: Progress) => void, stop: () => void) {
    this.#tell = tell;
    this.#stop = stop;
  }

  settled({ done, total, failed, running }: MapRun): void {
    const rate = this.#rate.update(done, performance.now());
    this.#tell({ done, total, failed, running, rate, eta: etaOf(done, total, rate) });
  }

  over(): void {
    this.#stop();
  }
}

function etaOf(done: number, total: number | undefined, rate: number): number | undefined {
  if (total === undefined) return undefined;
  if (done >= total) return 0;
  return rate > 0 ? ((total - done) / rate) * 1000 : undefined;
}

/** What `map`'s option `progress` asks for. */
export function watcherOf(progress: boolean | ((progress: Progress) => void) | undefined): MapWatcher | undefined {
  if (typeof progress === "function") {
    return new Reporter(onceTold(progress), () => {});
  }
  if (progress !== true || !ProgressBar.canBeSeen(process.stderr, process.env)) return undefined;
  const bar = new ProgressBar(process.stderr);
  return new Reporter(
    (news) => bar.update(news),
    () => bar.stop(),
  );
}

/** A callback that throws is reported once, not for each of a map's calls. */
function onceTold(progress: (progress: Progress) => void): (news: Progress) => void {
  let threw: "never" | "before" = "never";
  return (news) => {
    try {
      progress(news);
    } catch (error) {
      if (threw === "before") return;
      threw = "before";
      callUser("progress callback", () => {
        throw error;
      });
    }
  };
}
