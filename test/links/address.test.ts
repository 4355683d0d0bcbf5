import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress } from "../../packages/pydist-node/dist/links/index.js";

describe("addresses", () => {
  it.each([
    ["host:8000", "host", 8000],
    ["host", "host", 9000],
    [":8000", "127.0.0.1", 8000],
    ["10.0.0.7:1", "10.0.0.7", 1],
    [" node-7.example.org:0 ", "node-7.example.org", 0],
    ["[::1]:8000", "::1", 8000],
    ["[fe80::1]", "fe80::1", 9000],
    ["::1", "::1", 9000],
  ])("reads %s", (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  it.each(["", "a b", "host:", "host:x", "host:-1", "[::1", "[host]:9000", "http://host:9000", "user@host", "a:1:2"])(
    "refuses %j",
    (text) => {
      expect(() => parseAddress(text)).toThrow(TypeError);
      expect(() => parseAddress(text)).toThrow("Write host:port");
    },
  );

  it("refuses a port that cannot be", () => {
    expect(() => parseAddress("host:65536")).toThrow(
      new RangeError('The port in "host:65536" is 65536; ports end at 65535.'),
    );
  });

  it("writes what it reads", () => {
    expect(formatAddress({ host: "::1", port: 9000 })).toBe("[::1]:9000");
    expect(formatAddress({ host: "host", port: 1 })).toBe("host:1");
  });
});
