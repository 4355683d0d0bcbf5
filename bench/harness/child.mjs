// A contender's process: opens one peer and does what it is told, one thing at a time.
import { peers } from "../peers/index.mjs";

const load = peers[process.argv[2] ?? ""];
if (load === undefined) throw new Error(`There is no peer "${process.argv[2]}".`);
const { open } = await load();

/** @type {any} */
let peer;

async function perform({ operation, parameters }) {
  if (operation !== "open") return peer[operation](parameters);
  const opened = await open(parameters);
  if (typeof opened === "string") return opened;
  peer = opened;
  return undefined;
}

process.on("message", async (message) => {
  try {
    const value = await perform(/** @type {any} */ (message));
    process.send?.({ value });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});

// The harness ends a contender by hanging up, so that none survives it either.
process.on("disconnect", async () => {
  await peer?.close?.();
  process.exit();
});
