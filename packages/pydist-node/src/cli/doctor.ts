import { availableParallelism } from "node:os";
import { AuthenticationError } from "@pydist/protocol";
import { isWildcard } from "../links/address.js";
import { formatAddress, readScheme } from "../links/index.js";
import type { Secret } from "../links/secret.js";
import { VERSION } from "../version.js";
import { CLIENT_SETTINGS, existingSecret } from "./client.js";
import { CONFIG_FILE, readConfigFile } from "./config-file.js";
import { type Check, fail, ok, warn } from "./doctor-check.js";
import { checkFiles, checkHost, checkNode, checkOwnName } from "./doctor-machine.js";
import { checkFound, checkHandshake, checkName, checkPort, checkTcp, identify } from "./doctor-network.js";
import { checkBelow } from "./doctor-tree.js";
import { EXIT } from "./exit-codes.js";
import { columns, plain, print, printJson, styled } from "./output.js";
import { secretFacts, wordSecret } from "./secret.js";
import { type Call, subcommand } from "./subcommand.js";

const DOCTOR_SETTINGS = [...CLIENT_SETTINGS, "host", "port", "json"] as const;
type DoctorCall = Call<(typeof DOCTOR_SETTINGS)[number]>;

export const doctorCommand = subcommand({
  name: "doctor",
  summary: "find out what is wrong, and what to do about it",
  examples: [
    { run: "pydist-node doctor", what: "this machine: versions, cores, secret, port" },
    {
      run: "pydist-node doctor 10.0.0.1:9000",
      what: "and whether that node can be reached and lets this machine in",
      marked: true,
    },
  ],
  settings: DOCTOR_SETTINGS,
  run: doctor,
});

async function doctor(call: DoctorCall): Promise<number> {
  const { json } = call.values;
  const checks: Check[] = [];
  const add = (check: Check): Check => {
    checks.push(check);
    if (!json) print(worded(check));
    return check;
  };

  add(checkNode());
  add(ok("pydist", VERSION));
  add(ok("cores", `${availableParallelism()}`));
  const files = checkFiles();
  if (files !== undefined) add(files);
  add(await checkOwnName());
  // One that could not be used would have ended this command before.
  const file = readConfigFile(process.cwd());
  add(ok("config", file === undefined ? `no ${CONFIG_FILE} in this folder` : file.path));
  const reached = call.sources.address === "default" ? [] : call.values.address;
  const secret = await checkSecret(call, reached.length > 0, add);
  add(await checkHost(call.values.host));
  await checkOwnPort(call, secret, add);
  for (const address of reached) await checkAddress(address, call, secret, add);

  const exitCode = checks.find((check) => check.status === "fail")?.exitCode ?? EXIT.ok;
  if (json) printJson({ ok: exitCode === EXIT.ok, exitCode, checks: checks.map(withoutCode) });
  return exitCode;
}

type Add = (check: Check) => Check;

async function checkSecret(call: DoctorCall, needed: boolean, add: Add): Promise<Secret | undefined> {
  try {
    const secret = await existingSecret(call);
    add(ok("secret", wordSecret(await secretFacts(secret))));
    return secret;
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    const missing = (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
    const named = call.values.secretFile !== undefined || process.env.PYDIST_SECRET_FILE;
    if (missing && !needed && !named) {
      add(
        warn(
          "secret",
          "none yet. A root that starts on this machine writes one; to join a root elsewhere, copy its file here.",
        ),
      );
    } else {
      add(fail("secret", error.message, EXIT.authentication));
    }
    return undefined;
  }
}

async function checkOwnPort(call: DoctorCall, secret: Secret | undefined, add: Add): Promise<void> {
  const { host, port } = call.values;
  const own = await checkPort(host, port);
  if (own.status === "ok" || secret === undefined) {
    add(own);
    return;
  }
  const here = isWildcard(host) ? "127.0.0.1" : host;
  const node = await identify(formatAddress({ host: here, port }), call.values, secret);
  add(node === undefined ? own : ok("port", `${port} on ${host} is taken by the node "${node.name}" of this cluster`));
}

/** Each step says more only if the one before went well. */
async function checkAddress(address: string, call: DoctorCall, secret: Secret | undefined, add: Add): Promise<void> {
  const { connectTimeout } = call.values;
  const named = readScheme(address);
  if (named !== undefined) {
    const [found, place] = await checkFound(address, named, call.values);
    add(found);
    const { cluster } = named;
    const there = cluster === "" ? call : { ...call, values: { ...call.values, cluster } };
    if (place !== undefined) await checkAddress(place, there, secret, add);
    return;
  }
  const name = await checkName(address);
  if (name !== undefined && add(name).status === "fail") return;
  if (add(await checkTcp(address, connectTimeout)).status === "fail" || secret === undefined) return;
  const greeted = await checkHandshake(address, call.values, secret);
  for (const check of greeted) add(check);
  if (greeted.some(({ status }) => status === "fail")) return;
  for (const check of await checkBelow({ ...call, values: { ...call.values, address: [address] } })) add(check);
}

const STYLE = { ok: "green", warn: "yellow", fail: "red" } as const;

function worded({ name, status, message }: Check): string {
  const [line = ""] = columns([[status.padEnd(4), name.padEnd(10), plain(message)]], ["left", "left", "left"]);
  return line.replace(status, styled(STYLE[status], status));
}

function withoutCode({ name, status, message }: Check): Omit<Check, "exitCode"> {
  return { name, status, message };
}
