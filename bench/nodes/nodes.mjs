// A process with nodes of a cluster in it: one for each message, which holds its options.
import { ClusterNode } from "pydist-node";

process.on("message", async (/** @type {any} */ options) => {
  try {
    const node = await ClusterNode.start({ port: 0, ...options });
    process.send?.({ address: node.address });
  } catch (error) {
    process.send?.({ error: String(error?.stack ?? error) });
  }
});
process.on("disconnect", () => process.exit());
