import type { Hello } from "./hello.js";
import type { Link } from "./link.js";

/** The sessions of a listener's peers, by which one that comes back is recognised. */
export class Sessions {
  readonly #links = new Map<string, Link>();

  /** A new session begins. Whatever was left of an earlier process, or of an earlier try, of the same peer is over. */
  add(link: Link): void {
    const { session, id } = link.peer;
    for (const other of this.#links.values()) if (other.peer.id === id) other.giveUp();
    this.#links.set(session, link);
    void link.closed.then(() => {
      if (this.#links.get(session) === link) this.#links.delete(session);
    });
  }

  /** The link that a peer wants to go on with. */
  find({ session, id }: Hello): Link | undefined {
    const link = this.#links.get(session);
    return link?.peer.id === id && link.resumable ? link : undefined;
  }
}
