import { type BatchJob, clock, type Dialect, given, head, nodeCommand, setupLines } from "./job.js";
import { qsubDirectives } from "./qsub.js";

/** Grid Engine: one array, as with Slurm. */
export const sge: Dialect = {
  title: "Grid Engine",
  submit: { command: "qsub", args: ["-terse"] },
  submissions: () => 1,
  // An array's is 4711.1-8:1.
  idOf: (printed) => /^(\d+)(?:\.\S*)?$/m.exec(printed)?.[1],
  cancel: "qdel",
  // Its notice comes when the time is over.
  ending: () => 0,
  script: (job) => {
    const directives = [
      "-S /bin/sh",
      "-cwd",
      // A signal before the one that nobody survives.
      "-notify",
      `-N ${job.name}`,
      `-t 1-${job.count}`,
      given("-pe smp %", job.cores),
      // What is asked for is multiplied by the slots.
      given("-l mem_free=%M", job.memory === undefined ? undefined : Math.ceil(job.memory / (job.cores ?? 1))),
      given("-l h_rt=%", job.time === undefined ? undefined : clock(job.time)),
      ...qsubDirectives(job, "-j y"),
    ];
    return [head("#$", directives), ...setupLines(job), ...run(job), ""].join("\n");
  },
};

/** The signal before the end is SIGUSR2, which asks a node for something else: the shell stays, and says what is meant. */
function run(job: BatchJob): string[] {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's.
  const command = nodeCommand(job, "${JOB_ID}.${SGE_TASK_ID}", "${NSLOTS:-1}");
  return [
    // Before a job is suspended; it would end this shell.
    "trap : USR1",
    `${command} &`,
    "node=$!",
    `trap 'kill -TERM "$node"' USR2 TERM`,
    'wait "$node"; code=$?',
    "# A signal ends the waiting, not the node.",
    'while kill -0 "$node" 2>/dev/null; do wait "$node"; code=$?; done',
    "exit $code",
  ];
}
