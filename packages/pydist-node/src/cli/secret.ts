import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { defaultSecretFile, resolveSecret, writeSecret } from "../links/index.js";
import { type Secret, STANDARD_INPUT } from "../links/secret.js";
import { existingSecret } from "./client.js";
import { EXIT, UsageError } from "./exit-codes.js";
import { print, printJson } from "./output.js";
import { type Call, subcommand } from "./subcommand.js";

export const secretCommand = subcommand({
  name: "secret",
  summary: "print where the cluster's secret is, or write a new one; never the secret itself",
  examples: [
    { run: "pydist-node secret", what: "which one is used here, and its fingerprint to compare", marked: true },
    { run: "pydist-node secret --new", what: "write a new one in its place" },
  ],
  settings: ["secretFile", "json"],
  switches: [{ flag: "--new", help: "write a new random secret, in place of one that is there" }],
  run: (call) => (call.switches.has("new") ? replace(call) : show(call)),
});

type SecretCall = Call<"secretFile" | "json">;

/** What is known of a secret, without the secret. */
export interface SecretFacts {
  /** Path of its file, the variable that holds it, or "standard input". */
  readonly source: string;
  /** Permissions of the file, in octal; undefined for what is no file. */
  readonly mode: string | undefined;
  /** Equal where the secrets are, and of no use to find them. */
  readonly fingerprint: string;
}

export async function secretFacts({ key, source }: Secret): Promise<SecretFacts> {
  const isFile = source !== "PYDIST_SECRET" && source !== "standard input";
  const mode = !isFile ? undefined : ((await stat(source)).mode & 0o777).toString(8);
  // 32 bits of a one-way function of a derived key: enough to tell two secrets apart, too few to single one out.
  const hex = createHash("sha256").update("pydist fingerprint\0").update(key).digest("hex");
  return { source, mode, fingerprint: `${hex.slice(0, 4)}-${hex.slice(4, 8)}` };
}

export function wordSecret({ source, mode, fingerprint }: SecretFacts): string {
  return `${wordPlace(source, mode)}, fingerprint ${fingerprint}`;
}

function wordPlace(source: string, mode: string | undefined): string {
  if (source === "standard input") return "on standard input";
  return mode === undefined ? `in the variable ${source}` : `in ${source} (mode ${mode})`;
}

async function show(call: SecretCall): Promise<number> {
  const facts = await secretFacts(await existingSecret(call));
  if (call.values.json) printJson(facts);
  else print(`The cluster's secret is ${wordSecret(facts)}.`);
  return EXIT.ok;
}

async function replace(call: SecretCall): Promise<number> {
  const file = call.values.secretFile ?? defaultSecretFile(process.env);
  if (file === STANDARD_INPUT) throw new UsageError("--new writes a file; --secret-file - is none.");
  const before = await stat(file).catch(() => undefined);
  await writeSecret(file, { replace: true });
  const hidden = Boolean(process.env.PYDIST_SECRET) && call.sources.secretFile !== "flag";
  const facts = await secretFacts(await resolveSecret({ secretFile: file, env: {}, mayGenerate: false }));
  if (call.values.json) {
    printJson({ ...facts, replaced: before !== undefined });
    return EXIT.ok;
  }
  print(
    `${before === undefined ? "A secret was written:" : "The secret was replaced: the new one is"} ${wordSecret(facts)}.`,
  );
  if (before !== undefined) {
    print("Nodes that run keep the old one until they are restarted, and nothing new can join them or attach to them.");
  }
  print("Other machines need a copy of the file, with mode 600.");
  if (hidden) print("PYDIST_SECRET is set and comes first: unset it to use the file.");
  return EXIT.ok;
}
