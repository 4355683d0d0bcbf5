import { plain, print, printJson, styled } from "pydist-node/cli";
import type { Host } from "./hostfile.js";
import type { Outcome } from "./order.js";

/** Tells what came of each machine, as soon as it is known; as JSON when all of it is. */
export class Report {
  readonly #json: boolean;
  readonly #all: ({ readonly host: string } & Outcome)[] = [];

  constructor(json: boolean) {
    this.#json = json;
  }

  add(host: Host, outcome: Outcome): void {
    this.#all.push({ host: host.name, ...outcome });
    if (!this.#json) print(`${host.name}: ${word(host, outcome)}`);
  }

  /** @param what became of those of which it came. @returns whether none failed */
  finish(what: "up" | "stopped"): boolean {
    const failed = this.#all.filter(({ is }) => is === "failed").length;
    if (this.#json) printJson(this.#all);
    else print(`${this.#all.length - failed} of ${this.#all.length} ${what}.`);
    return failed === 0;
  }
}

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
