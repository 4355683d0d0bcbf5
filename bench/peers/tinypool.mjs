import { fileURLToPath } from "node:url";
import { Tinypool } from "tinypool";
import { oneByOne } from "./work.mjs";

export function open({ threads }) {
  const pool = new Tinypool({
    filename: fileURLToPath(new URL("./threads/work.mjs", import.meta.url)),
    name: "noop",
    minThreads: threads,
    maxThreads: threads,
  });
  return { ...oneByOne((x) => pool.run(x)), close: () => pool.destroy() };
}
