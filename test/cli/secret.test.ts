import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeHome, runCli, spawnNode } from "../support/processes.js";

const fingerprint = /fingerprint ([0-9a-f]{4}-[0-9a-f]{4})/;

describe("secret", () => {
  it("says where it is, and never what it is", async () => {
    const home = makeHome();
    const { code, stdout, stderr } = await runCli(["secret"], { home });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^The cluster's secret is in \S+ \(mode 600\), fingerprint [0-9a-f]{4}-[0-9a-f]{4}\.\n$/);
    expect(stdout).toContain(` in ${home.secretFile} `);
    expect(stdout).not.toContain(home.secret);
  });

  it("says so for programs", async () => {
    const home = makeHome();
    const { stdout } = await runCli(["secret", "--json"], { home });
    expect(JSON.parse(stdout)).toEqual({ source: home.secretFile, mode: "600", fingerprint: expect.any(String) });
  });

  it("has the same fingerprint wherever it is the same", async () => {
    const [one, other] = [makeHome(), makeHome()];
    const file = await runCli(["secret"], { home: one });
    const variable = await runCli(["secret"], { home: other, env: { PYDIST_SECRET: one.secret } });
    const another = await runCli(["secret"], { home: other });
    expect(variable.stdout).toMatch(/^The cluster's secret is in the variable PYDIST_SECRET, fingerprint/);
    const [a, b, c] = [file, variable, another].map(({ stdout }) => fingerprint.exec(stdout)?.[1]);
    expect(b).toBe(a);
    expect(c).not.toBe(a);
  });

  it("that does not exist is exit code 4, and none is written", async () => {
    const home = makeHome({ secret: false });
    const { code, stdout, stderr } = await runCli(["secret"], { home });
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    expect(stderr).toContain(`There is no cluster secret: ${home.secretFile} does not exist`);
    expect(existsSync(home.secretFile)).toBe(false);
  });
});

describe("secret --new", () => {
  it("writes one where there is none", async () => {
    const home = makeHome({ secret: false });
    const { code, stdout, stderr } = await runCli(["secret", "--new"], { home });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const secret = readFileSync(home.secretFile, "utf8");
    expect(secret).toMatch(/^[\w-]{43}\n$/);
    expect(statSync(home.secretFile).mode & 0o777).toBe(0o600);
    expect(stdout).toContain(`A secret was written: in ${home.secretFile} (mode 600), fingerprint `);
    expect(stdout).not.toContain(secret.trim());
    expect(stdout).not.toContain("Nodes that run");
  });

  it("replaces one, whatever its mode was, and says what that means", async () => {
    const home = makeHome();
    chmodSync(home.secretFile, 0o644);
    const { code, stdout } = await runCli(["secret", "--new"], { home });
    expect(code).toBe(0);
    expect(readFileSync(home.secretFile, "utf8").trim()).not.toBe(home.secret);
    expect(statSync(home.secretFile).mode & 0o777).toBe(0o600);
    expect(stdout).toContain(`The secret was replaced: the new one is in ${home.secretFile} (mode 600)`);
    expect(stdout).toContain(
      "Nodes that run keep the old one until they are restarted, and nothing new can join them or attach to them.",
    );
  });

  it("shuts out whoever has the old one's node as parent", async () => {
    const home = makeHome();
    const { address } = await spawnNode({ home });
    expect((await runCli(["tree", address], { home })).code).toBe(0);
    await runCli(["secret", "--new"], { home });
    expect((await runCli(["tree", address], { home })).code).toBe(4);
  });

  it.each(["flag", "variable", "configuration file"])("writes to the file that a %s names", async (how) => {
    const home = makeHome();
    const file = join(home.folder, "elsewhere", "key");
    if (how === "configuration file")
      writeFileSync(join(home.folder, "pydist.config.json"), JSON.stringify({ secretFile: file }));
    const args = how === "flag" ? ["--secret-file", file] : [];
    const env = how === "variable" ? { PYDIST_SECRET_FILE: file } : {};
    const { stdout } = await runCli(["secret", "--new", "--json", ...args], { home, env });
    expect(JSON.parse(stdout)).toMatchObject({ source: file, mode: "600", replaced: false });
    expect(readFileSync(file, "utf8")).toMatch(/^[\w-]{43}\n$/);
    expect(readFileSync(home.secretFile, "utf8").trim()).toBe(home.secret);
  });

  it("says when PYDIST_SECRET hides the file", async () => {
    const home = makeHome();
    const { stdout } = await runCli(["secret", "--new"], { home, env: { PYDIST_SECRET: home.secret } });
    expect(stdout).toContain("PYDIST_SECRET is set and comes first: unset it to use the file.");
  });

  it("that cannot be written is exit code 4", async () => {
    const home = makeHome();
    const { code, stdout, stderr } = await runCli(["secret", "--new", "--secret-file", dirname(home.secretFile)], {
      home,
    });
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    expect(stderr).toMatch(/^pydist-node: The cluster secret could not be written to [^\n]+\n$/);
  });
});
