import type { Agenda } from "./agenda.js";

/** The time of one process: what is due while it is frozen happens when it thaws, in the same order. */
export class Clock {
  readonly #agenda: Agenda;
  #frozenUntil = 0;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  get now(): number {
    return this.#agenda.now;
  }

  get frozen(): boolean {
    return this.now < this.#frozenUntil;
  }

  freeze(duration: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.now + duration);
  }

  after(delay: number, what: () => void): void {
    this.at(this.now + delay, what);
  }

  at(time: number, what: () => void): void {
    this.#agenda.at(time, () => {
      if (this.frozen) this.at(this.#frozenUntil, what);
      else what();
    });
  }
}
