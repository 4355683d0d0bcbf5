import type { Future } from "@pydist/futures";
import type { Step } from "pydist-node";
import type { Explanation } from "./explanation.js";

/** Most futures that are named. */
const MOST_NAMED = 10;

export function textOf(
  { task, state, path, waitsFor, attempt, attempts, losses }: Omit<Explanation, "text">,
  { node, duration }: Future<unknown>,
): string {
  const name = task === undefined ? "The task" : `Task "${plain(task)}"`;
  if (state === "finished" || state === "cancelled") {
    const ran = node === undefined ? "" : `, on node ${node}, after ${seconds(duration ?? 0)}, in attempt ${attempt}`;
    return `${name} is ${state}${ran}.`;
  }
  const tried = attempt === undefined ? "and has not left this program" : `attempt ${attempt} of ${attempts}`;
  return [
    `${name} is ${state}, ${tried}.`,
    ...(waitsFor.length > 0 ? [`  It waits for futures among its arguments: ${named(waitsFor)}.`] : []),
    ...path.map((step) => `  ${stationOf(step)}: ${wordsOf(step)}`),
    ...losses.map((loss) => `  Lost before, with node ${plain(loss.node)}: ${plain(loss.cause)}`),
  ].join("\n");
}

function named(waitsFor: Explanation["waitsFor"]): string {
  const first = waitsFor.slice(0, MOST_NAMED).map(({ path, state }) => `${plain(path)} (${state})`);
  const more = waitsFor.length - first.length;
  return `${first.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function stationOf({ name, address }: Pick<Step, "name" | "address">): string {
  return address === "" ? plain(name) : `${plain(name)} at ${plain(address)}`;
}

function wordsOf(step: Step): string {
  switch (step.is) {
    case "queued":
      return `waits here: ${hindrance(step)}${step.away.map((name) => `; the link to ${plain(name)} is away`).join("")}`;
    case "handedOn":
      return `handed on to ${stationOf(step.to)} ${seconds(step.for)} ago, whose link is ${step.link.state}, last heard ${seconds(step.link.quiet)} ago`;
    case "fetching":
      return `waits here for its ${step.what}, which ${step.what === "code" ? "is" : "are"} on the way from above, for ${seconds(step.for)}`;
    case "loading":
      return step.others > 0
        ? `waits for ${threadOf(step)}, which has ${step.others} other runs, for ${seconds(step.for)}`
        : `about to begin on ${threadOf(step)}, which loads its code or the initializer, for ${seconds(step.for)}`;
    case "next":
      return `waits on ${threadOf(step)} for ${step.after} of those sent along with it, for ${seconds(step.for)}`;
    case "running":
      return `runs on ${threadOf(step)}, for ${seconds(step.for)}`;
    case "stopping":
      return `was told to stop on ${threadOf(step)}, where it runs for ${seconds(step.for)}`;
    case "suspended":
      return `began ${seconds(step.for)} ago and waits for tasks of its own, without a slot`;
    case "ready":
      return `began ${seconds(step.for)} ago, has what it waited for, and waits for a slot to go on`;
    case "over":
      return "is done with here; the news is on its way";
    case "gone":
      return "knows nothing of it: news is on its way. Ask again";
    case "away":
      return "could not be asked: the link to it is away, and it has some seconds to come back";
    case "silent":
      return `has not answered within ${seconds(step.within)}: it stands still, is overloaded, or cannot be reached`;
    default:
      // A newer node has a word for it that this version does not know.
      return plain(String((step as { readonly is: string }).is));
  }
}

function hindrance({ because }: Extract<Step, { is: "queued" }>): string {
  switch (because.why) {
    case "clogged":
      return "results for whoever sent it wait to be read, and none of its tasks start meanwhile";
    case "noNode":
      return "there is no link to the cluster";
    case "noSlots":
      return "there are no workers, neither here nor below";
    case "absent":
      return `it is for node ${plain(because.node)} alone, which is not in the tree`;
    case "drained":
      return 'the workers that could run it are drained; "pydist-node resume" has them work again';
    case "hops":
      return `it has ${because.left} hops left, and the nearest worker is ${because.needed} away. Raise hopLimit`;
    case "busy":
      return `others have the slots within its reach (${because.slots}), or are in front of it (${because.waiting} wait here)`;
    default:
      return plain(String((because as { readonly why: string }).why));
  }
}

function threadOf({ thread }: { readonly thread?: number | undefined }): string {
  return thread === undefined ? "a thread that is being started" : `thread ${thread}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Control characters in what other machines sent would steer the terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
