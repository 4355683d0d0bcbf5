// Renders a piece of the Mandelbrot set, one row a call, on this machine or on the cluster at PYDIST_ADDRESS.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ClusterExecutor } from "pydist";
import { wholeNumber } from "../options.mjs";
import { renderRow, seahorses, toPng } from "./mandelbrot.mjs";

const { values } = parseArgs({
  options: {
    width: { type: "string", default: "960" },
    height: { type: "string", default: "600" },
    out: { type: "string", default: fileURLToPath(new URL("../../artifacts/mandelbrot.png", import.meta.url)) },
    check: { type: "boolean", default: false },
  },
});
const view = {
  ...seahorses,
  width: wholeNumber("width", values.width),
  height: wholeNumber("height", values.height),
};
const numbers = Array.from({ length: view.height }, (_, row) => row);
const views = numbers.map(() => view);

const executor = new ClusterExecutor();
try {
  const started = performance.now();
  const rows = await executor.map(renderRow, views, numbers);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);

  const png = toPng(view, rows);
  mkdirSync(dirname(resolve(values.out)), { recursive: true });
  writeFileSync(values.out, png);
  const used = (await executor.stats()).nodes.filter((node) => node.completed > 0).length;
  console.log(
    `${view.height} rows of ${view.width} pixels in ${seconds} s on ${used} ${used === 1 ? "node" : "nodes"}`,
  );
  console.log(`picture: ${values.out}`);

  if (values.check) {
    const serial = toPng(
      view,
      numbers.map((row) => renderRow(view, row)),
    );
    const same = Buffer.from(png).equals(serial);
    console.log(same ? "check: the same as a serial run" : "check: NOT the same as a serial run");
    if (!same) process.exitCode = 1;
  }
} finally {
  await executor.shutdown({ cancelFutures: true });
}
