import type { Hello, HelloInput } from "./hello.js";

/** What a listener says and asks before a link exists. */
export interface Greeter {
  /** What this side says of itself, asked for at each hello. */
  readonly hello: () => HelloInput;
  /**
   * Looks at a peer whose version and cluster fit, before it is answered. Return (or resolve) to accept; throw (or
   * reject with) a PydistError to refuse: its code and message reach the dialer, which fails with the same class.
   */
  readonly onHello?: ((theirs: Hello, remoteAddress: string) => void | Promise<void>) | undefined;
}
