// A node that joins a running cluster, and says when Node itself was up: before anything of ours is loaded.
const up = Number(process.hrtime.bigint()) / 1e6;
process.on("disconnect", () => process.exit());
process.once("message", async (/** @type {any} */ options) => {
  const { ClusterNode } = await import("pydist-node");
  await ClusterNode.start({ port: 0, ...options });
  process.send?.({ up });
});
