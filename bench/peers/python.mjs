import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Python's ProcessPoolExecutor, in a Python process that measures itself. */
export async function open({ threads }) {
  const script = fileURLToPath(new URL("./python_pool.py", import.meta.url));
  const python = spawn("python3", [script, String(threads)], { stdio: ["pipe", "pipe", "inherit"] });
  const started = await Promise.race([
    once(python, "spawn").then(() => true),
    once(python, "error").then(() => false),
  ]).catch(() => false);
  if (!started) return "not found: python3";
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  const ask = async (question) => {
    python.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("Python ended");
    return JSON.parse(value);
  };
  return {
    map: ({ calls, size }) => ask({ calls, size }),
    close: async () => {
      const ended = once(python, "exit");
      python.stdin.end();
      await ended;
    },
  };
}
