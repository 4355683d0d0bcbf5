import { decodeFrame, type OutputNews } from "@pydist/protocol";
import { silent } from "pydist-node";
import { expect, it } from "vitest";
import { Peers } from "../../packages/pydist-node/dist/engine/peer.js";
import { Voices } from "../../packages/pydist-node/dist/engine/voices.js";
import { memoryLinks } from "../../packages/pydist-node/dist/links/memory.js";

const self = { id: "node", name: "here" };
const hello = (id: string, role: "node" | "executor") => {
  return { version: "0.1.0", role, id, name: id, cluster: "default", workers: 1 };
};

it("what tasks write is left out, and counted, while too much waits for an upstream", async () => {
  const [near, far] = memoryLinks(hello("node", "node"), hello("program", "executor"));
  const came: (readonly string[])[] = [];
  far.on("message", (bytes) => came.push((decodeFrame(bytes).frame as unknown as OutputNews).lines));
  const peers = new Peers(silent);
  peers.addUp(near, { id: "program", name: "program", role: "executor" });
  const own: unknown[] = [];
  const voices = new Voices(peers, silent, self, { emit: (...event) => own.push(event) > 0 });
  const write = (...lines: string[]): void => voices.wrote({ task: "t", executor: "program", stream: "stdout", lines });

  // All in one turn: nothing of it leaves before the last.
  const mebibyte = "x".repeat(1024 * 1024);
  for (let i = 0; i < 12; i++) write(`${i}`, mebibyte);
  await near.drained();
  expect(came.map(([first]) => first)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);

  write("after");
  write("and on");
  await near.drained();
  expect(came.slice(8)).toEqual([["(pydist left out 8 lines: a link on their way was too slow)", "after"], ["and on"]]);
  expect(own).toEqual([]);
});
