/** The part of pino's interface that pydist uses; any logger of that shape will do. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = (): void => {};

/** A library says nothing unless it is asked to. */
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
