// A progress bar for a map; on a terminal only, so that logs stay readable.
import { Presets, SingleBar } from "cli-progress";

/**
 * @param {string} label
 * @param {number} total
 * @returns {{ progress: (progress: { done: number }) => void, stop: () => void }}
 */
export function progressBar(label, total) {
  const bar = new SingleBar(
    {
      format: `${label} {bar} {percentage} % | {value} of {total}`,
      clearOnComplete: true,
      hideCursor: true,
      // Shows the cursor again after Ctrl-C.
      gracefulExit: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { progress: ({ done }) => bar.update(done), stop: () => bar.stop() };
}
