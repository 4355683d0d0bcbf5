import { describe, expect, it } from "vitest";
import { checkFiles, checkHost, checkNode, checkOwnName } from "../../packages/pydist-node/dist/cli/doctor-machine.js";
import { whyNotHere } from "../support/loopback.js";

/* What the doctor says of machines that are not as this one is. */

describe("Node", () => {
  it.each(["18.20.0", "20.18.3"])("%s is too old", (version) => {
    expect(checkNode(version)).toEqual({
      name: "Node",
      status: "fail",
      message: `${version} is too old: pydist needs 20.19 or newer. Install a newer one.`,
      exitCode: 1,
    });
  });

  it.each(["20.19.0", "22.1.0", "26.0.0"])("%s will do", (version) => {
    expect(checkNode(version)).toMatchObject({ status: "ok", message: version });
  });
});

describe("open files", () => {
  it("that are too few for many children", () => {
    expect(checkFiles(256)).toEqual({
      name: "files",
      status: "warn",
      message:
        "only 256 may be open at once, so a node here has room for about 156 children and programs. Raise the limit " +
        "(ulimit -n 4096) where it is started, or bound its children with --max-children.",
      exitCode: 0,
    });
  });

  it("that are enough", () => {
    expect(checkFiles(4096)).toMatchObject({ status: "ok", message: "4096 may be open at once" });
  });
});

describe("where a node would listen", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1: only this machine reaches a node here. --host 0.0.0.0 lets others in"],
    ["::1", "::1: only this machine reaches a node here. --host 0.0.0.0 lets others in"],
    ["0.0.0.0", "0.0.0.0: other machines reach a node here, unless a firewall keeps them out"],
    ["::", ":::"],
    ["10.0.0.7", "10.0.0.7: other machines reach a node here by it"],
  ])("%s is well", async (host, message) => {
    expect(await checkHost(host)).toMatchObject({
      name: "host",
      status: "ok",
      message: expect.stringContaining(message),
    });
  });

  it("a name of loopback", async () => {
    expect(await checkHost("localhost")).toMatchObject({
      status: "ok",
      message: expect.stringMatching(/^localhost is .*: only this machine reaches a node here/),
    });
  });

  it("a name that leads nowhere", async () => {
    expect(await checkHost("nobody.invalid")).toEqual({
      name: "host",
      status: "fail",
      message: "nobody.invalid, where a node here would listen, cannot be resolved. Give --host an IP address.",
      exitCode: 1,
    });
  });
});

describe("the machine's own name", () => {
  const DEBIAN = "is not found by localhost at its real address. Use its IP address.";

  it("that is its loopback, as Debian has it", async (ctx) => {
    const missing = await whyNotHere("localhost");
    if (missing !== undefined) ctx.skip(missing);
    expect(await checkOwnName("localhost")).toMatchObject({
      name: "hostname",
      status: "warn",
      message: expect.stringMatching(
        /^this machine calls itself localhost, which is .* here\. That is what Debian writes/,
      ),
    });
    expect((await checkOwnName("localhost")).message).toContain(DEBIAN);
  });

  it("that is nobody's", async () => {
    expect(await checkOwnName("nobody.invalid")).toMatchObject({
      status: "warn",
      message: "this machine calls itself nobody.invalid, which cannot be resolved here. Use an IP address for it.",
    });
  });
});
