import { createInterface } from "node:readline";
import type { REPLServer } from "node:repl";
import type { Readable } from "node:stream";

/**
 * Gives a prompt the lines of a stream that is no terminal, each when what the one before awaits is there. Node's own reading
 * would not wait.
 */
export async function feed(server: REPLServer, input: Readable): Promise<void> {
  let ask = (): void => {};
  const display = server.displayPrompt;
  // Whatever a line comes to, the prompt is displayed behind it.
  Object.assign(server, {
    displayPrompt(preserveCursor?: boolean): void {
      display.call(server, preserveCursor);
      ask();
    },
  });
  const over = new AbortController();
  server.once("exit", () => {
    over.abort();
    ask();
  });
  for await (const line of createInterface({ input })) {
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    server.emit("line", line);
    await asked;
    if (over.signal.aborted) return;
  }
  server.close();
}
