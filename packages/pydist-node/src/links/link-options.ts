import type { OutboxLimits } from "./outbox.js";

export interface LinkOptions {
  /** Milliseconds without a byte from the peer before it is pinged. Default 1000. */
  readonly heartbeatInterval?: number | undefined;
  /** Milliseconds that a peer whose socket was closed has to come back with another. Default 1000. */
  readonly reconnectGrace?: number | undefined;
  /** Milliseconds without a byte from the peer before the link closes as silent. Default 10,000. */
  readonly sessionGrace?: number | undefined;
  /** Milliseconds that an orderly close may take. Default 2000. */
  readonly closeTimeout?: number | undefined;
  /** Longest message, in bytes, sent or received. Default 2 GiB. */
  readonly maxMessageBytes?: number | undefined;
  /** "drain" is emitted when `buffered` falls to this many bytes. Default 1 MiB. */
  readonly lowWater?: number | undefined;
  readonly outbox?: Partial<OutboxLimits> | undefined;
}
