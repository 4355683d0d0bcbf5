import type { Clock } from "./clock.js";

/** One way of a link. Messages keep their order, however long they take. */
class Lane {
  readonly #receiver: Clock;
  readonly #link: SimulatedLink;
  readonly #underway: (() => void)[] = [];
  #last = 0;

  constructor(receiver: Clock, link: SimulatedLink) {
    this.#receiver = receiver;
    this.#link = link;
  }

  get empty(): boolean {
    return this.#underway.length === 0;
  }

  send(delay: number, deliver: () => void): void {
    this.#underway.push(deliver);
    this.#last = Math.max(this.#last, this.#receiver.now + delay);
    this.#receiver.at(this.#last, () => this.#arrive());
  }

  #arrive(): void {
    const { state, awayUntil } = this.#link;
    if (state === "broken") return;
    if (this.#receiver.now < awayUntil) this.#receiver.at(awayUntil, () => this.#arrive());
    else this.#underway.shift()?.();
  }
}

/** A link between two schedulers. What is under way when it breaks is lost; when it is only away, that comes later. */
export class SimulatedLink {
  readonly down: Lane;
  readonly up: Lane;
  state: "open" | "broken" = "open";
  awayUntil = 0;

  constructor(upper: Clock, lower: Clock) {
    this.down = new Lane(lower, this);
    this.up = new Lane(upper, this);
  }
}
