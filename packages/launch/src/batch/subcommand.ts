import { complain, EXIT, print, printJson, type Subcommand, subcommand } from "pydist-node/cli";
import type { Dialect } from "./job.js";
import { type BatchCall, MEANINGS, SETTINGS, SWITCHES, wordJob } from "./options.js";
import { pbs as pbsDialect } from "./pbs.js";
import { sge as sgeDialect } from "./sge.js";
import { slurm as slurmDialect } from "./slurm.js";
import { submit } from "./submit.js";

export const slurm = batchCommand("slurm", slurmDialect);
export const pbs = batchCommand("pbs", pbsDialect);
export const sge = batchCommand("sge", sgeDialect);

function batchCommand(name: string, dialect: Dialect): Subcommand {
  const launch = `pydist-node launch ${name}`;
  return subcommand({
    name,
    summary: `start nodes as jobs of ${dialect.title}`,
    examples: [
      { run: `${launch} --count 8 --parent login1:9000`, what: "eight nodes that join the one at login1" },
      {
        run: `${launch} --count 8 --cores 4 --time 2h --parent login1:9000`,
        what: "with four workers each, for two hours",
      },
      { run: `${launch} --count 8 --parent login1:9000 --dry-run`, what: "what would be submitted" },
      { run: `${launch} --count 8 --parent login1:9000 -- --allow-exec`, what: "with a flag of spawn for each node" },
    ],
    settings: SETTINGS,
    meanings: MEANINGS,
    switches: SWITCHES,
    rest: "[FLAG OF SPAWN...]",
    run: (call) => launchIn(name, dialect, call),
  });
}

/** @returns the exit code */
async function launchIn(name: string, dialect: Dialect, call: BatchCall): Promise<number> {
  const { job, warnings } = await wordJob(call, dialect);
  for (const each of warnings) complain(each);
  const script = dialect.script(job);
  if (call.switches.has("dryRun")) {
    process.stdout.write(script);
    return EXIT.ok;
  }
  const { json } = call.values;
  const ids: string[] = [];
  let refusal: string | undefined;
  for (let i = 0; i < dialect.submissions(job.count) && refusal === undefined; i++) {
    const submission = await submit(dialect, script);
    if (submission.is === "refused") refusal = submission.why;
    else ids.push(submission.id);
    // At once: whoever interrupts this knows what is there to be ended.
    if (submission.is === "taken" && !json) print(submission.id);
  }
  if (json) printJson({ system: name, jobs: ids, error: refusal ?? null });
  else if (ids.length > 0)
    complain(`${dialect.title} starts the nodes as there is room. To end them: ${dialect.cancel} ${ids.join(" ")}`);
  if (refusal === undefined) return EXIT.ok;
  complain(refusal);
  return EXIT.failure;
}
