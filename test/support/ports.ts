import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/*
 * Ports for those who have to know each other's before they listen. They lie below the range from which systems choose the
 * local end of a connection (from 32768 on in Linux, higher elsewhere): a port from within it, as port 0 gives, may be taken
 * by any dial of any process before its node listens, even by that of the node that waits for it.
 * Processes of tests that run at the same time have ranges of their own.
 */

const FIRST = 20_000;
const RANGE = 3_000;
const RANGES = 4;

const start = FIRST + (Number(process.env.VITEST_POOL_ID ?? 0) % RANGES) * RANGE;
let next = randomInt(RANGE);

/** So many different ports of this machine that nobody listens on. None is given twice until all have been. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = start + next;
    next = (next + 1) % RANGE;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    // On all addresses: a port that is free on one only is not free for those who listen on all.
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
