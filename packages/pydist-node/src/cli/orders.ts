import type { Order } from "@pydist/protocol";
import type { NodeInfo } from "../node/description.js";
import { CLIENT_SETTINGS, orderNode } from "./client.js";
import { EXIT } from "./exit-codes.js";
import { complain, plain, print, printJson } from "./output.js";
import { type Example, subcommand } from "./subcommand.js";

function orderCommand(order: Exclude<Order, "dump">, summary: string, examples: readonly Example[]) {
  return subcommand({
    name: order,
    summary,
    examples,
    settings: [...CLIENT_SETTINGS, "node", "json"],
    async run(call) {
      const answer = await orderNode(call, order);
      if (!("node" in answer)) {
        complain("refused" in answer ? answer.refused : `That node did not say what became of the order. Try again.`);
        return EXIT.failure;
      }
      if (call.values.json) printJson(answer.node);
      else print(describe(answer.node));
      return EXIT.ok;
    },
  });
}

export const drainCommand = orderCommand("drain", "let a node finish what it runs, and give it no new tasks", [
  { run: "pydist-node drain 10.0.0.1:9000", what: "that node; its children work on" },
  { run: "pydist-node drain 10.0.0.1:9000 --node gpu-2", what: "the node of that name or id below it" },
]);

export const resumeCommand = orderCommand("resume", "let a node that was drained work again", [
  { run: "pydist-node resume 10.0.0.1:9000 --node gpu-2", what: "the node of that name or id below it" },
]);

export const stopCommand = orderCommand("stop", "let a node finish what it runs and leave the tree", [
  { run: "pydist-node stop 10.0.0.1:9000 --node gpu-2", what: "the node of that name or id below it" },
]);

function describe({ name, address, state, running, suspended }: NodeInfo): string {
  const tasks = running + suspended;
  const under =
    state === "ready" ? "" : `, ${tasks === 1 ? "1 task is" : `${tasks} tasks are`} under way on its workers`;
  return `Node ${plain(name)} at ${plain(address)} is ${state}${under}.`;
}
