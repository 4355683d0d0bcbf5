import { InvalidStateError, task } from "pydist";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { spawnNode, spawnTree } from "../support/processes.js";
import { failure } from "../support/thrown.js";

/** Says where it is, then gives back what it is sent, until that is nothing. */
async function echo(): Promise<string> {
  const context = task.context();
  await context.send(context.node);
  let last = "";
  for (;;) {
    const value = await context.receive();
    if (value === null) return last;
    last = `${value}, in attempt ${context.attempt}`;
    await context.send(last);
  }
}

/** Gives what was told, in turn; each once. */
function turns(): { listener: (value: unknown) => void; next(): Promise<unknown> } {
  const told: unknown[] = [];
  const waiting: ((value: unknown) => void)[] = [];
  return {
    listener: (value) => {
      const resolve = waiting.shift();
      if (resolve === undefined) told.push(value);
      else resolve(value);
    },
    next: async () => (told.length > 0 ? told.shift() : await new Promise((resolve) => waiting.push(resolve))),
  };
}

it("a task that lost its node begins anew, and so does its channel", async () => {
  // A signal that stops a supervisor would leave its node at work.
  const child = (name: string) => ({ name, args: ["--no-supervise"] });
  const tree = await spawnTree({ name: "root", workers: 0, children: [child("left"), child("right")] });
  const executor = attach(tree.address);
  await executor.waitForNodes(3);
  const { listener, next } = turns();
  const future = executor.submit(echo, [], { onMessage: listener });
  const where = await next();
  const lost = tree.node(where === tree.node("left").id ? "left" : "right");
  await future.send("one");
  expect(await next()).toBe("one, in attempt 1");
  // More than may be under way, so that the last waits here when the node is lost; nobody receives while it stands still.
  lost.kill("SIGSTOP");
  const sends = Array.from({ length: 8 }, () => future.send(new Uint8Array(1024 * 1024)));
  const last = failure(sends.at(-1) as Promise<void>);
  lost.kill();
  const error = await last;
  expect(error).toBeInstanceOf(InvalidStateError);
  expect(error.message).toBe(
    "The task lost its node or thread and runs anew, so this message was not sent. Send it what it needs from the beginning.",
  );
  await Promise.allSettled(sends);
  const other = tree.node(lost === tree.node("left") ? "right" : "left");
  let said = await next();
  // It may have answered some before it stood still.
  while (`${said}`.endsWith("in attempt 1")) said = await next();
  expect(said).toBe(other.id);
  await future.send("two");
  expect(await next()).toBe("two, in attempt 2");
  await future.send(null);
  expect(await future).toBe("two, in attempt 2");
});

it("a task that has used its channel is not kept when its way up is lost: it begins anew", async () => {
  const root = await spawnNode({ name: "root", workers: 0 });
  const middle = await spawnNode({ name: "middle", workers: 0, parent: root.address });
  const leaf = await spawnNode({ name: "leaf", parent: [middle.address, root.address] });
  const executor = attach(root.address);
  await executor.waitForNodes(3);
  const { listener, next } = turns();
  const future = executor.submit(echo, [], { onMessage: listener });
  expect(await next()).toBe(leaf.id);
  middle.kill();
  // The same node, a second execution.
  expect(await next()).toBe(leaf.id);
  await future.send("again");
  expect(await next()).toBe("again, in attempt 2");
  await future.send(null);
  await future;
});
