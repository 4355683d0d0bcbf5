import type { Logger } from "pydist";

/** A logger that keeps what it is told, and tells when something comes. */
export class Recorder implements Logger {
  readonly lines: {
    readonly level: string;
    readonly message: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }[] = [];
  readonly #waiting = new Set<() => void>();

  debug = this.#keep("debug");
  info = this.#keep("info");
  warn = this.#keep("warn");
  error = this.#keep("error");

  #keep(level: string) {
    return (fields: object, message: string): void => {
      this.lines.push({ level, message, fields: fields as Readonly<Record<string, unknown>> });
      for (const look of this.#waiting) look();
    };
  }

  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }

  /** Resolves when a line was logged so many times. */
  logged(message: string, times = 1): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.count(message) < times) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}
