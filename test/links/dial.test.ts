import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AuthenticationError, ConnectionError } from "@pydist/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { type DialUntilOptions, dialUntil } from "../../packages/pydist-node/dist/links/index.js";
import { freePort } from "../support/ports.js";
import { accepting, dialling, failure, hello, KEY, OTHER_KEY } from "./support.js";

/** The discard port of loopback: nobody listens there, and nobody unprivileged can. */
const NOBODY = "127.0.0.1:9";

const options: DialUntilOptions = {
  key: KEY,
  secretSource: "the-file",
  hello: hello("dialer"),
  backoff: { first: 5, max: 20 },
};

async function dialledUntil(addresses: string[], more: Partial<DialUntilOptions> = {}) {
  const link = await dialUntil(addresses, { ...options, ...more });
  onTestFinished(() => link.terminate());
  return link;
}

describe("dialling an address", () => {
  it("where nobody listens says so", async () => {
    const error = await failure(dialling(NOBODY));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe(
      `Nothing listens at ${NOBODY}. Start a node there (pydist-node spawn), or check the address.`,
    );
  });

  it("whose name does not exist says so", async () => {
    const error = await failure(dialling("nobody.invalid:9000"));
    expect(error.message).toMatch(/^The host name in nobody\.invalid:9000 cannot be resolved \(E\w+\)\./);
  });

  it("by name or IPv6 reaches the same node", async () => {
    const { listener } = await accepting();
    expect((await dialling(`localhost:${listener.address.port}`)).peer.id).toBe("acceptor");
    const six = await accepting({ host: "::1" }).catch(() => undefined);
    if (six !== undefined) expect((await dialling(`[::1]:${six.listener.address.port}`)).peer.id).toBe("acceptor");
  });

  it("stops at once when its signal does", async () => {
    const reason = new Error("changed my mind");
    expect(await failure(dialling(NOBODY, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const aborter = new AbortController();
    const { address } = await accepting({
      onHello: () => {
        aborter.abort(reason);
        return "accept";
      },
    });
    expect(await failure(dialling(address, { signal: aborter.signal }))).toBe(reason);
  });
});

describe("dialling until someone answers", () => {
  it("tries the addresses in order", async () => {
    const { address } = await accepting();
    const tried: (string | undefined)[] = [];
    const link = await dialledUntil([NOBODY, "127.0.0.1:10", address], {
      onRetry: (error) => tried.push(error.address),
    });
    expect(link.peer.id).toBe("acceptor");
    expect(tried).toEqual([NOBODY, "127.0.0.1:10"]);
  });

  it("goes on until the node is there", async () => {
    const first = await accepting({ port: await freePort() });
    const { port } = first.listener.address;
    await first.listener.close();
    let rounds = 0;
    const linking = dialledUntil([`127.0.0.1:${port}`], {
      onRetry: () => {
        if (++rounds === 3) void accepting({ port });
      },
    });
    expect((await linking).peer.id).toBe("acceptor");
    expect(rounds).toBeGreaterThanOrEqual(3);
  });

  it("fails with the last reason when its time is over", async () => {
    const started = performance.now();
    const error = (await failure(dialledUntil([NOBODY, "127.0.0.1:10"], { timeout: 100 }))) as ConnectionError;
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toMatch(
      /^No node answered at 127\.0\.0\.1:9, 127\.0\.0\.1:10 within 100 ms\. Nothing listens at 127\.0\.0\.1:(9|10)\. Start/,
    );
    expect(error.cause).toBeInstanceOf(ConnectionError);
    expect(performance.now() - started).toBeGreaterThan(95);
  });

  it("does not repeat what waiting cannot cure", async () => {
    const { address } = await accepting({ key: OTHER_KEY });
    let retries = 0;
    const error = await failure(dialledUntil([NOBODY, address], { onRetry: () => retries++ }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(retries).toBe(1);
  });

  it("stops between attempts when its signal does", async () => {
    const aborter = new AbortController();
    const backoff = { first: 60_000, max: 60_000 };
    const dialing = failure(
      dialledUntil([NOBODY], {
        signal: aborter.signal,
        timeout: Infinity,
        backoff,
        onRetry: () => setImmediate(() => aborter.abort()),
      }),
    );
    expect((await dialing).name).toBe("AbortError");
  });
});

describe("after everything was closed", () => {
  it("nothing is left, and the process ends by itself", async () => {
    const program = fileURLToPath(new URL("fixtures/link-and-leave.mjs", import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { timeout: 10_000 });
    expect(JSON.parse(stdout)).toEqual({
      outcomes: [3 * 1024 * 1024, "PYDIST_E_AUTHENTICATION", "PYDIST_E_CONNECTION", "ABORT_ERR", "PYDIST_E_CONNECTION"],
      left: [],
    });
    expect(stderr).toBe("");
  });
});
