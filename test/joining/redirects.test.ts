import { describe, expect, it } from "vitest";
import type { Hello, Verdict } from "../../packages/pydist-node/dist/links/index.js";
import { accepting, dialling, failure, hello } from "../links/support.js";

/** The discard port of loopback: nobody listens there. */
const NOBODY = "127.0.0.1:9";

/** A listener that sends everybody on, or lets them in, as it is told. */
async function deciding(
  id: string,
  decide: (theirs: Hello) => Verdict,
): Promise<Exclude<Verdict, "accept"> & { readonly asked: string[][] }> {
  const asked: string[][] = [];
  const { address } = await accepting({
    hello: () => hello(id),
    onHello: (theirs) => {
      asked.push([...theirs.unreached]);
      return decide(theirs);
    },
  });
  return { id, name: id, address, asked };
}

describe("a dialler that is sent on", () => {
  it("ends up where there is room, however many send it on", async () => {
    const last = await deciding("last", () => "accept");
    const second = await deciding("second", () => last);
    const first = await deciding("first", () => second);
    const seen: string[] = [];
    const onRedirect = ({ name }: { name: string }, from: string) => void seen.push(`${from} ${name}`);
    const link = await dialling(first.address, { onRedirect });
    expect(link.peer.id).toBe("last");
    expect(link.remoteAddress).toBe(last.address);
    expect(seen).toEqual([`${first.address} second`, `${second.address} last`]);
  });

  it("comes back to the one that sent it when nobody is there, and names whom it did not reach", async () => {
    const there = await deciding("there", () => "accept");
    const gone = { id: "gone", name: "gone", address: NOBODY };
    const first = await deciding("first", ({ unreached }) => (unreached.length === 0 ? gone : there));
    expect((await dialling(first.address)).peer.id).toBe("there");
    expect(first.asked).toEqual([[], ["gone"]]);
  });

  it("does so as well when another node is there than was meant", async () => {
    const other = await deciding("other", () => "accept");
    const meant = { ...other, id: "meant", name: "meant" };
    const first = await deciding("first", ({ unreached }) => (unreached.length === 0 ? meant : "accept"));
    expect((await dialling(first.address)).peer.id).toBe("first");
    expect(first.asked).toEqual([[], ["meant"]]);
  });

  it("does so as well when what is there refuses it", async () => {
    const { address } = await accepting({ hello: () => hello("blue", { cluster: "blue" }) });
    const blue = { id: "blue", name: "blue", address };
    const first = await deciding("first", ({ unreached }) => (unreached.length === 0 ? blue : "accept"));
    expect((await dialling(first.address)).peer.id).toBe("first");
  });

  it("never goes round: whoever it passed on the way counts as out of reach", async () => {
    const first = await deciding("first", ({ unreached }) => (unreached.length === 0 ? second : "accept"));
    const second = await deciding("second", () => first);
    expect((await dialling(first.address)).peer.id).toBe("first");
    expect({ first: first.asked, second: second.asked }).toEqual({ first: [[], [], ["second"]], second: [[]] });
  });

  it("gives up in the end, and says what to do", async () => {
    let last = 0;
    const first = await deciding("first", () => ({ id: `n${last++}`, name: "n", address: NOBODY }));
    const error = await failure(dialling(first.address));
    expect(error).toMatchObject({ name: "ConnectionError", code: "PYDIST_E_CONNECTION", address: first.address });
    expect((error as Error).message).toBe(
      `No place was found in the tree after 64 attempts, the last of them at ${first.address}. ` +
        "Start its root with a larger --max-children, or give this node another --parent.",
    );
  });

  it.each([
    ["without an id", { name: "n", address: NOBODY }, /its hello is wrong at id/],
    ["without an address", { id: "n", name: "n" }, /its hello is wrong at address/],
  ])("refuses a redirect %s", async (_what, redirect, message) => {
    const { address } = await accepting({ onHello: () => redirect as unknown as Verdict });
    expect(await failure(dialling(address))).toMatchObject({ message: expect.stringMatching(message) });
  });
});
