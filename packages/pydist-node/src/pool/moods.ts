import type { Program } from "@pydist/shipping/runtime";

/** From this run time on, in milliseconds, a call is long. */
export const LONG = 20;
/** Of so many calls a single long one is a hiccup of the machine or a collection of garbage. */
const RARE = 200;

/** What this thread knows of the calls of a code that come in runs, as only short ones should. */
export class Mood {
  #calls = 0;
  #long = 0;

  /** Whether the next call may take long, without letting anybody else run. */
  get moody(): boolean {
    return this.#long * RARE > this.#calls;
  }

  /** A run has had so many calls, and so many long ones among them. */
  ran(calls: number, long: number): void {
    this.#calls += calls;
    this.#long += long;
  }
}

const moods = new WeakMap<Program, Mood>();

export function moodOf(program: Program): Mood {
  let mood = moods.get(program);
  if (mood === undefined) {
    mood = new Mood();
    moods.set(program, mood);
  }
  return mood;
}
