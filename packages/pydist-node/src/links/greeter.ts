import type { Hello, HelloInput, Redirect } from "./hello.js";

export type Verdict = "accept" | Redirect;

/** What a listener says and asks before a link exists. */
export interface Greeter {
  /** What this side says of itself, asked for at each hello. */
  readonly hello: () => HelloInput;
  /**
   * Looks at a peer whose version and cluster fit, before it is answered. "accept" it, or send it on to another node;
   * throw (or reject with) a PydistError to refuse: its code and message reach the dialer, which fails with the same class.
   */
  readonly onHello?: ((theirs: Hello, remoteAddress: string) => Verdict | Promise<Verdict>) | undefined;
}
