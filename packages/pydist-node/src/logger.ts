/** The part of pino's interface that pydist uses; any logger of that shape will do. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What loggers make of an error is their own affair; its message they all take. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const nothing = (): void => {};

/** A library says nothing unless it is asked to. */
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
