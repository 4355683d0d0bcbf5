// A master with a key of its own, that works along or not as it is told, and the workers that join it, render a Julia set.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ClusterExecutor } from "pydist";
import { ClusterNode } from "pydist-node";
import { toPng } from "../mandelbrot/mandelbrot.mjs";
import { verdict, wholeNumber } from "../options.mjs";
import { shares } from "../report.mjs";
import { juliaRow } from "./julia.mjs";

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "9000" },
    "secret-file": { type: "string" },
    workers: { type: "string", default: "1" },
    width: { type: "string", default: "1200" },
    height: { type: "string", default: "800" },
    out: { type: "string", default: fileURLToPath(new URL("../../artifacts/julia.png", import.meta.url)) },
    check: { type: "boolean", default: false },
  },
});
const view = {
  width: wholeNumber("width", values.width),
  height: wholeNumber("height", values.height),
  re: -0.79,
  im: 0.156,
  depth: 400,
};
const secretFile = values["secret-file"];
const options = secretFile === undefined ? {} : { secretFile };
const rows = Array.from({ length: view.height }, (_, row) => row);
/** @param {number[]} numbers */
const render = (numbers) =>
  executor.map(
    juliaRow,
    numbers.map(() => view),
    numbers,
  );

const master = await ClusterNode.start({
  host: values.host,
  port: Number(values.port),
  name: "master",
  workers: 1,
  ...options,
});
const executor = new ClusterExecutor(master.address, options);
try {
  const flag = secretFile === undefined ? "" : ` --secret-file ${secretFile}`;
  console.log(`For each worker, with this key: npx pydist-node spawn --port 0 --parent ${master.address}${flag}`);
  await executor.waitForNodes(1 + wholeNumber("workers", values.workers));
  const list = (await executor.nodes()).map(
    ({ name, address, workers, depth }) => `${name} (${address}, ${workers} workers, depth ${depth})`,
  );
  console.log(`workers: ${list.join(", ")}`);

  const third = Math.ceil(rows.length / 3);
  const did = async () => (await executor.stats()).nodes.find(({ id }) => id === master.id)?.completed ?? 0;
  const together = await render(rows.slice(0, third));
  const before = await did();
  await master.drain(); // finishes what it runs; from here on it only hands on
  const without = await render(rows.slice(third, 2 * third));
  console.log(`drained, the master did ${(await did()) - before} of ${without.length} rows`);
  master.resume();
  const again = await render(rows.slice(2 * third));

  const png = toPng(view, [...together, ...without, ...again]);
  mkdirSync(dirname(resolve(values.out)), { recursive: true });
  writeFileSync(values.out, png);
  console.log(`picture: ${values.out}\n${shares(await executor.stats())}`);
  const serial = () => rows.map((row) => juliaRow(view, row));
  if (values.check) verdict(Buffer.from(png).equals(toPng(view, serial())));
} finally {
  await executor.shutdown({ cancelFutures: true });
  await master.close();
}
