import { plain, print, printJson, styled } from "pydist-node/cli";
import type { Host } from "./hostfile.js";
import type { Outcome } from "./order.js";

/** Tells what came of each machine, as soon as it is known; as JSON when all of it is. */
export class Report {
  readonly #json: boolean;
  /** The last that came of each machine: one that is up may be stopped again. */
  readonly #last = new Map<string, Outcome>();

  constructor(json: boolean) {
    this.#json = json;
  }

  add(host: Host, outcome: Outcome): void {
    this.#last.set(host.name, outcome);
    if (!this.#json) print(`${host.name}: ${word(host, outcome)}`);
  }

  /** @param what was to become of them. @returns whether it did, of all */
  finish(what: keyof typeof GOOD): boolean {
    const all = [...this.#last].map(([host, outcome]) => ({ host, ...outcome }));
    const good = all.filter(({ is }) => GOOD[what].includes(is)).length;
    if (this.#json) printJson(all);
    else print(`${good} of ${all.length} ${what}.`);
    return good === all.length;
  }
}

const GOOD: Readonly<Record<"up" | "stopped", readonly Outcome["is"][]>> = {
  up: ["up", "running"],
  stopped: ["stopped", "gone"],
};

function word({ destination }: Host, outcome: Outcome): string {
  switch (outcome.is) {
    case "up":
      return `${styled("green", "up")} at ${plain(outcome.address)}; its log is ${destination}:${outcome.log}`;
    case "stopped":
      return `stopped: ${outcome.why}.`;
    case "running":
      return `runs already: ${plain(outcome.why)}.`;
    case "gone":
      return `${outcome.why}.`;
    case "failed":
      return `${styled("red", "failed")}: ${outcome.why}`;
  }
}
