import type { Supervised } from "./supervised.js";

/** Not on Windows, where the command `dump` is the way. */
export const DUMP_SIGNAL = "SIGUSR2";

/** One line of JSON on stderr, beside the logs; `event` tells it from those. */
export function writeDump(dump: object): void {
  process.stderr.write(`${JSON.stringify({ event: "dump", ...dump })}\n`);
}

/**
 * From now on this process writes its dump when it is sent the signal, or its supervisor was.
 * @returns what ends that
 */
export function answerDumpSignal(dump: () => object, supervised: Supervised | undefined): () => void {
  const answer = (): void => writeDump(dump());
  process.on(DUMP_SIGNAL, answer);
  supervised?.onDump(answer);
  return () => void process.off(DUMP_SIGNAL, answer);
}
