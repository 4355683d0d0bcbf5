/** What an AbortSignal aborts. */
export interface Abortable {
  abort(reason: unknown): unknown;
}

/** Everything that one signal aborts. */
class Following {
  readonly #signal: AbortSignal;
  readonly #members = new Set<Abortable>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort);
  }

  add(member: Abortable): void {
    this.#members.add(member);
  }

  /** The last one takes the listener along: a signal may live as long as the program. */
  readonly leave = (member: Abortable): void => {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#signal.removeEventListener("abort", this.#abort);
    followings.delete(this.#signal);
  };

  readonly #abort = (): void => {
    const { reason } = this.#signal;
    for (const member of [...this.#members]) member.abort(reason);
  };
}

/** A signal has one listener of ours, however many futures share it: Node warns of more than a few. */
const followings = new WeakMap<AbortSignal, Following>();

/**
 * From now on the signal aborts the member.
 * @returns what takes it back; to be called once the member is settled
 */
export function follow(signal: AbortSignal, member: Abortable): (member: Abortable) => void {
  let following = followings.get(signal);
  if (following === undefined) {
    following = new Following(signal);
    followings.set(signal, following);
  }
  following.add(member);
  return following.leave;
}
