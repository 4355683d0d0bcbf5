import { inspect } from "node:util";
import type { SingleBar } from "cli-progress";
import type { Progress } from "./progress.js";

/** Draws how far a map is, on one line of a terminal. The library comes when it is needed. */
export class ProgressBar {
  readonly #stream: NodeJS.WritableStream;
  #news: Progress | undefined;
  #bar: SingleBar | undefined;
  #state: "loading" | "drawing" | "stopped" = "loading";

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    // A bar that does not come about is no reason to end a program.
    this.#load().catch((error) => process.emitWarning(`No progress bar: ${inspect(error)}`, "PydistWarning"));
  }

  /** Whether somebody would see it: a log, or a terminal that knows no cursor, is spared. The bar has no colours. */
  static canBeSeen(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
    return stream.isTTY === true && env.TERM !== "dumb";
  }

  async #load(): Promise<void> {
    // Node finds no names in this CommonJS module.
    const { Format, SingleBar } = (await import("cli-progress")).default;
    if (this.#state === "stopped" && this.#news === undefined) return;
    this.#bar = new SingleBar({
      stream: this.#stream,
      format: (options, { progress }) => textOf(this.#news, Format.BarFormat(progress, options)),
      barsize: 24,
      // Cut to the terminal's width, instead of telling the terminal to wrap no lines.
      linewrap: true,
      // Signals are the program's.
      gracefulExit: false,
    });
    this.#bar.start(this.#news?.total ?? 1, 0);
    if (this.#state === "stopped") return this.stop();
    this.#state = "drawing";
    if (this.#news !== undefined) this.#draw(this.#news);
  }

  update(news: Progress): void {
    // Left alone, it shows how far the map was when nobody wanted the rest.
    if (this.#state === "stopped") return;
    this.#news = news;
    this.#draw(news);
  }

  #draw(news: Progress): void {
    if (news.total !== undefined) this.#bar?.setTotal(news.total);
    this.#bar?.update(news.done);
  }

  /** Draws the end, which stays. */
  stop(): void {
    this.#state = "stopped";
    if (this.#news !== undefined) this.#draw(this.#news);
    this.#bar?.stop();
  }
}

function textOf(news: Progress | undefined, bar: string): string {
  if (news === undefined) return "";
  const { done, total, failed, running, rate, eta } = news;
  const parts = total === undefined ? [`${done} done`] : [`${bar} ${percentage(done, total)} %`, `${done} of ${total}`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (running > 0) parts.push(`${running} running`);
  parts.push(`${rate < 10 ? rate.toFixed(1) : Math.round(rate)} a second`);
  if (eta !== undefined && eta >= 1000) parts.push(`${timeOf(eta)} left`);
  return parts.join(" | ");
}

function percentage(done: number, total: number): number {
  return total === 0 ? 100 : Math.floor((100 * done) / total);
}

function timeOf(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
