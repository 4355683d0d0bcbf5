/** The part of a pino-shaped logger that links use. No secret is ever given to it. */
export interface LinkLogger {
  debug(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

export const silentLogger: LinkLogger = { debug: () => {}, warn: () => {} };
