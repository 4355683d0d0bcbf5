import { type BatchJob, clock, type Dialect, given, head, nodeCommand, setupLines } from "./job.js";

/** One array: its elements start one by one as there is room, one id ends them all, and mail comes once for all. */
export const slurm: Dialect = {
  title: "Slurm",
  submit: { command: "sbatch", args: ["--parsable"] },
  submissions: () => 1,
  // On one of several clusters, its name follows.
  idOf: (printed) => /^(\d+)(?:;.*)?$/m.exec(printed)?.[1],
  cancel: "scancel",
  // It looks now and then, and says itself how early that may be.
  ending: (notice) => notice + 60,
  script: (job) => {
    const directives = [
      `--job-name=${job.name}`,
      `--array=1-${job.count}`,
      "--nodes=1",
      "--ntasks=1",
      given("--cpus-per-task=%", job.cores),
      given("--mem=%M", job.memory),
      given("--time=%", job.time === undefined ? undefined : clock(job.time)),
      // To the batch shell, in whose place the node is; partitions have an end of their own, also without --time.
      `--signal=B:TERM@${job.notice}`,
      given("--partition=%", job.queue),
      given("--account=%", job.account),
      given("--output=%", job.output),
      given("--error=%", job.error),
      given("--mail-user=%", job.mail?.user),
      given("--mail-type=%", job.mail?.events.join(",").toUpperCase()),
      ...job.directives,
    ];
    return [head("#SBATCH", directives), ...setupLines(job), `exec ${command(job)}`, ""].join("\n");
  },
};

function command(job: BatchJob): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's.
  return nodeCommand(job, "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}", "${SLURM_CPUS_ON_NODE:-1}");
}
