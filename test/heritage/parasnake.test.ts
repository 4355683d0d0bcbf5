import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { renderRow, seahorses, toPng } from "../../examples/mandelbrot/mandelbrot.mjs";
import { heldUntil, start, temporaryFolder } from "../examples/support.js";
import { freePort } from "../support/ports.js";
import { fileHome, launchNode, makeHome } from "../support/processes.js";

/*
 * The walk-through of Parasnake's page, step by step: one program, as a server with a switch and as a node without it; a
 * secret key; nodes on the same machine and from elsewhere; some more while it runs; one that crashes; and the server, which
 * tells all to quit when the picture is done.
 */

const folder = temporaryFolder();
afterAll(folder.remove);

it("a picture by a server and nodes that crash and come later, which end with it", async () => {
  const size = { width: 300, height: 200 };
  const out = folder.file("mandelbrot.png");
  const { env } = fileHome();
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const options = ["--width", `${size.width}`, "--height", `${size.height}`, "--out", out];
  const server = start("parasnake-mandelbrot", ["--server", "--port", `${port}`, ...options], env);

  // It waits for nodes. Without the key there is no way in.
  await server.printed(/./);
  const stranger = launchNode({ parent: address, home: makeHome() });
  expect(await stranger.exited).toMatchObject({ code: 4 });

  // One that is at work, and would be for ever, crashes; another one comes, which is the program itself.
  const first = launchNode({ parent: address, env: heldUntil(folder.file("never")) });
  await first.printed((line) => line.includes("ready"));
  first.kill();
  const later = start("parasnake-mandelbrot", ["--port", `${port}`, "--workers", "1"], env);

  const { code, stdout } = await server.over;
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining(`${size.height} rows`) });
  expect((await later.over).code).toBe(0);
  const rows = Array.from({ length: size.height }, (_, row) => renderRow({ ...seahorses, ...size }, row));
  expect(readFileSync(out).equals(toPng({ ...seahorses, ...size }, rows))).toBe(true);
});
