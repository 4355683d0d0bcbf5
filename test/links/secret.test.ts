import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { AuthenticationError } from "@pydist/protocol";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { defaultSecretFile, resolveSecret, writeSecret } from "../../packages/pydist-node/dist/links/index.js";
import { failure } from "./support.js";

const A = "A".repeat(43);
const B = "B".repeat(43);
const C = "C".repeat(43);
const D = "D".repeat(43);

let folder: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pydist-secret-"));
  env = { XDG_CONFIG_HOME: join(folder, "config") };
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

function put(name: string, content: string, mode = 0o600): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

const generated = () => join(folder, "config", "pydist", "secret");

describe("where the secret comes from", () => {
  it("is the option, then PYDIST_SECRET, then PYDIST_SECRET_FILE, then the default file", async () => {
    const file = put("named", `${B}\n`);
    put("config/pydist/secret", `${D}\n`);
    const secrets = { PYDIST_SECRET: C, PYDIST_SECRET_FILE: file };
    const all = { ...env, ...secrets };
    const keys = [
      await resolveSecret({ secret: A, env: all, mayGenerate: false }),
      await resolveSecret({ secretFile: file, env: all, mayGenerate: false }),
      await resolveSecret({ env: all, mayGenerate: false }),
      await resolveSecret({ env: { ...all, PYDIST_SECRET: "" }, mayGenerate: false }),
      await resolveSecret({ env, mayGenerate: true }),
    ];
    expect(keys.map(({ source }) => source)).toEqual(["option", file, "PYDIST_SECRET", file, generated()]);
    expect(new Set(keys.map(({ key }) => key.toString("hex"))).size).toBe(4);
    expect(keys[1]?.key).toEqual(keys[3]?.key);
    for (const { key } of keys) expect(key).toHaveLength(32);
  });

  it("gives the same key wherever the same line stands, with or without its line break", async () => {
    const file = put("named", `  ${A}\r\n`);
    const fromFile = await resolveSecret({ secretFile: file, env, mayGenerate: false });
    const fromOption = await resolveSecret({ secret: A, env, mayGenerate: false });
    expect(fromFile.key).toEqual(fromOption.key);
    expect(fromFile.key.toString("latin1")).not.toContain(A.slice(0, 8));
  });

  it("refuses two options at once", async () => {
    expect(await failure(resolveSecret({ secret: A, secretFile: "f", env, mayGenerate: false }))).toBeInstanceOf(
      TypeError,
    );
  });

  it("ignores an XDG_CONFIG_HOME that is not absolute, as its specification asks", () => {
    expect(defaultSecretFile({ XDG_CONFIG_HOME: "relative", HOME: "/people/x" })).toBe(
      "/people/x/.config/pydist/secret",
    );
  });
});

describe("a secret that is missing", () => {
  it("is written where it may be: 256 random bits in one line, for this user only", async () => {
    const { key, source } = await resolveSecret({ env, mayGenerate: true });
    expect(source).toBe(generated());
    expect(readFileSync(source, "utf8")).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect(statSync(source).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(source)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(source))).toEqual(["secret"]);
    expect((await resolveSecret({ env, mayGenerate: false })).key).toEqual(key);
  });

  it("is an error where it may not, which names the file and how to get it", async () => {
    const error = await failure(resolveSecret({ env, mayGenerate: false }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toBe(
      `There is no cluster secret: ${generated()} does not exist (neither PYDIST_SECRET nor PYDIST_SECRET_FILE is set). ` +
        "A root writes ~/.config/pydist/secret when it first starts; copy that file from the root's machine: " +
        `scp ROOT:.config/pydist/secret ${generated()} && chmod 600 ${generated()}`,
    );
    expect(() => statSync(generated())).toThrow("ENOENT");
  });

  it("is not written to a file that was named: that one has to be there", async () => {
    const file = join(folder, "named");
    const error = await failure(resolveSecret({ secretFile: file, env, mayGenerate: true }));
    expect(error.message).toContain(`${file} does not exist`);
    expect(() => statSync(file)).toThrow("ENOENT");
  });

  it("names the file that cannot be written", async () => {
    const file = put("config", "in the way");
    const error = await failure(resolveSecret({ env: { XDG_CONFIG_HOME: file }, mayGenerate: true }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toContain(join(file, "pydist", "secret"));
  });

  it("is one and the same for eight processes that find none at the same time", async () => {
    const program = fileURLToPath(new URL("fixtures/secret.mjs", import.meta.url));
    const children = Array.from({ length: 8 }, () =>
      spawn(process.execPath, [program], { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "inherit"] }),
    );
    const outputs = children.map((child) => createInterface(child.stdout)[Symbol.asyncIterator]());
    for (const lines of outputs) expect((await lines.next()).value).toBe("ready");
    for (const child of children) child.stdin.write("go\n");
    const answers = await Promise.all(outputs.map(async (lines) => (await lines.next()).value));
    await Promise.all(children.map((child) => child.exitCode ?? once(child, "exit")));
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toMatch(/^[0-9a-f]{64} /);
    expect(readdirSync(dirname(generated()))).toEqual(["secret"]);
  });
});

describe("a secret that will not do", () => {
  it.runIf(process.platform !== "win32").each([0o644, 0o640, 0o620, 0o604])(
    "is one in a file of mode %o",
    async (mode) => {
      const file = put("it's mine", A, mode);
      const error = await failure(resolveSecret({ secretFile: file, env, mayGenerate: false }));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toBe(
        `Others on this machine may read the cluster secret in ${file} (mode ${mode.toString(8)}), and with it run code ` +
          `as you. Run: chmod 600 '${file.replace("'", "'\\''")}'`,
      );
    },
  );

  it.each([
    ["short", "x".repeat(31), "31 characters"],
    ["empty", "\n", "0 characters"],
    ["several lines", `${A}\n${B}\n`, "single line"],
  ])("is a %s one, and is not repeated in the error", async (_name, secret, reason) => {
    const file = put("named", secret);
    for (const options of [{ secret }, { secretFile: file }]) {
      const error = await failure(resolveSecret({ ...options, env, mayGenerate: false }));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toContain(reason);
      if (secret.trim() !== "") expect(error.message).not.toContain(secret.trim().slice(0, 31));
    }
  });
});

describe("writing a secret", () => {
  it("keeps what is there unless told otherwise", async () => {
    const file = put("kept", A);
    await writeSecret(file);
    expect(readFileSync(file, "utf8")).toBe(A);
    await writeSecret(file, { replace: true });
    expect(readFileSync(file, "utf8")).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["kept"]);
  });
});
