// The same for a pool of threads: from Node's own start to the first task.
const up = Number(process.hrtime.bigint()) / 1e6;
process.on("disconnect", () => process.exit());
process.once("message", async (/** @type {any} */ { threads, filename }) => {
  const { Piscina } = await import("piscina");
  const pool = new Piscina({ filename, name: "now", minThreads: threads, maxThreads: threads });
  process.send?.({ ms: (await pool.run(undefined)) - up });
});
