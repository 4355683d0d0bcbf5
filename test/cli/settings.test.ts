import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  flagOf,
  resolveSettings,
  SETTING_NAMES,
  type SettingName,
  variableOf,
} from "../../packages/pydist-node/dist/cli/settings.js";
import { fileHome, makeHome, runCli, spawnNode } from "../support/processes.js";

/** For each setting: as text, what it means, and the same for another value in JSON. */
const SAMPLES: Record<SettingName, [text: string, value: unknown, json: unknown, jsonValue: unknown]> = {
  address: ["a:1,b", ["a:1", "b:9000"], ["c:2", "d:3"], ["c:2", "d:3"]],
  parent: ["a:1", ["a:1"], "c:2, [::1]:3", ["c:2", "[::1]:3"]],
  awaitParent: ["1", true, true, true],
  children: ["a:1,b", ["a:1", "b:9000"], ["c:2", "d:3"], ["c:2", "d:3"]],
  discover: ["1", true, true, true],
  node: ["n 1", "n 1", "n 2", "n 2"],
  host: ["[::1]", "::1", "0.0.0.0", "0.0.0.0"],
  port: ["0", 0, 1234, 1234],
  workers: ["0", 0, 3, 3],
  oversubscribe: ["1", true, true, true],
  tasksPerWorker: ["4", 4, 5, 5],
  workerMemory: ["32", 32, 512, 512],
  name: ["n 1", "n 1", "n 2", "n 2"],
  secretFile: ["/s1", "/s1", "/s2", "/s2"],
  cluster: ["c1", "c1", "c2", "c2"],
  allowExec: ["1", true, false, false],
  whenIdle: ["1", true, false, false],
  hopLimit: ["0", 0, 7, 7],
  advertise: ["a", "a:9000", "b:1", "b:1"],
  maxChildren: ["1", 1, 8, 8],
  cacheDir: ["/c1", "/c1", "/c2", "/c2"],
  cacheSize: ["1", 1, 100, 100],
  connectTimeout: ["50", 50, 60, 60],
  reconnect: ["10m", 600_000, "forever", undefined],
  drainGrace: ["0", 0, 60, 60],
  noSupervise: ["yes", true, true, true],
  logLevel: ["WARN", "warn", "debug", "debug"],
  json: ["true", true, true, true],
};

describe.each(SETTING_NAMES)("%s", (name) => {
  const [text, value, json, jsonValue] = SAMPLES[name];
  const file = { path: "pydist.config.json", content: { [name]: json } };
  const env = { [variableOf(name)]: text };
  const get = (inputs: Partial<Parameters<typeof resolveSettings>[1]>) => {
    const { values, sources } = resolveSettings([name], { flags: {}, env: {}, file: undefined, ...inputs });
    return [values[name], sources[name]];
  };

  it("is taken from the flag, then the variable, then the file, then the default", () => {
    expect(get({ flags: { [name]: text }, env: { [variableOf(name)]: "?" }, file })).toEqual([value, "flag"]);
    expect(get({ env, file })).toEqual([value, "variable"]);
    expect(get({ env: { [variableOf(name)]: "" }, file })).toEqual([jsonValue, "file"]);
    expect(get({ env: {} })[1]).toBe("default");
  });
});

it("flags and variables follow from the name", () => {
  expect([flagOf("tasksPerWorker"), variableOf("tasksPerWorker")]).toEqual([
    "--tasks-per-worker",
    "PYDIST_TASKS_PER_WORKER",
  ]);
  expect(variableOf("parent")).toBe("PYDIST_PARENT");
});

it("a variable can take back what the file says", () => {
  const file = { path: "pydist.config.json", content: { json: true } };
  expect(resolveSettings(["json"], { flags: {}, env: { PYDIST_JSON: "0" }, file }).values.json).toBe(false);
});

describe("a command", () => {
  const configured = (content: unknown) => {
    const home = makeHome();
    writeFileSync(
      join(home.folder, "pydist.config.json"),
      typeof content === "string" ? content : JSON.stringify(content),
    );
    return home;
  };
  const nameOf = async (home: ReturnType<typeof makeHome>, address: string) => {
    const { stdout } = await runCli(["status", address, "--json"], { home });
    return (JSON.parse(stdout) as { name: string }).name;
  };

  it("follows flag, variable and file in this order", async () => {
    const home = configured({ $schema: "x", name: "from-file", hopLimit: 3 });
    const env = { PYDIST_NAME: "from-variable" };
    const byFlag = await spawnNode({ home, env, name: "from-flag" });
    const byVariable = await spawnNode({ home, env });
    const byFile = await spawnNode({ home });
    expect(await nameOf(home, byFlag.address)).toBe("from-flag");
    expect(await nameOf(home, byVariable.address)).toBe("from-variable");
    expect(await nameOf(home, byFile.address)).toBe("from-file");
  });

  it("finds its address in PYDIST_ADDRESS and in the file", async () => {
    const { address, id } = await spawnNode();
    const byVariable = await runCli(["status", "--json"], { env: { PYDIST_ADDRESS: address } });
    expect(JSON.parse(byVariable.stdout)).toMatchObject({ id });
    const home = configured({ address, json: true });
    const byFile = await runCli(["status"], { home, env: { PYDIST_SECRET_FILE: fileHome().secretFile } });
    expect(JSON.parse(byFile.stdout)).toMatchObject({ id });
  });

  it.each([
    ["an unknown key", { prot: 1 }, '"prot" in pydist.config.json is no setting. Did you mean "port"?'],
    [
      "a key like no other",
      { xyzzy: 1 },
      /^"xyzzy" in pydist\.config\.json is no setting\. There are address, node, parent, .*json\.$/,
    ],
    ["a wrong type", { port: "9000" }, 'port in pydist.config.json: "9000" is not a whole number from 0 to 65535.'],
    [
      "a wrong value",
      { logLevel: "wran" },
      /^logLevel in pydist\.config\.json: "wran" is none of .* Did you mean "warn"\?$/,
    ],
    [
      "no parent in the list",
      { parent: [] },
      "parent in pydist.config.json: [] is not an address, or a list of addresses.",
    ],
    ["a flag's text", { json: "yes" }, 'json in pydist.config.json: "yes" is not true or false (1 or 0 will do).'],
    [
      "a secret",
      { secret: "x" },
      /^"secret" must not stand in pydist\.config\.json, which others may read\. Put it in a file .* "secretFile"\.$/,
    ],
    ["a list", [], /pydist\.config\.json has to hold an object, such as \{ "port": 9000 \}\.$/],
    ["no JSON", "{\n  port: 9000\n}", /pydist\.config\.json is not valid JSON: .*\. Correct it, or remove it\.$/],
  ])("refuses a file with %s", async (_what, content, message) => {
    const { code, stdout, stderr } = await runCli(["spawn", "--port", "0"], { home: configured(content) });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^pydist-node: [^\n]+\n$/);
    const sentence = stderr.slice("pydist-node: ".length, -1);
    if (typeof message === "string") expect(sentence).toBe(message);
    else expect(sentence).toMatch(message);
  });

  it("refuses a variable that it reads, and passes over one that it does not", async () => {
    const env = { PYDIST_PORT: "many" };
    expect(await runCli(["spawn"], { env })).toMatchObject({
      code: 2,
      stderr: 'pydist-node: PYDIST_PORT: "many" is not a whole number from 0 to 65535.\n',
    });
    expect((await runCli(["secret"], { env })).code).toBe(0);
  });
});
