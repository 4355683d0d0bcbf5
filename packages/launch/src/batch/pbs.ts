import { type BatchJob, clock, type Dialect, given, head, nodeCommand, setupLines } from "./job.js";
import { qsubDirectives } from "./qsub.js";

/**
 * PBS Professional, OpenPBS and Torque, in what all of them read. Their arrays have different flags, and each refuses the
 * other's: so each node is a job of its own.
 */
export const pbs: Dialect = {
  title: "PBS",
  submit: { command: "qsub", args: [] },
  submissions: (count) => count,
  idOf: (printed) => /^(\d+\S*)$/m.exec(printed)?.[1],
  cancel: "qdel",
  ending: (notice) => notice,
  script: (job) => {
    const directives = [
      "-S /bin/sh",
      `-N ${job.name}`,
      given("-l nodes=1:ppn=%", job.cores),
      given("-l mem=%mb", job.memory),
      given("-l walltime=%", job.time === undefined ? undefined : clock(job.time)),
      ...qsubDirectives(job, "-j oe"),
    ];
    return [head("#PBS", directives), ...setupLines(job), ...leaving(job), `exec ${command(job)}`, ""].join("\n");
  },
};

/** PBS gives some seconds between SIGTERM and SIGKILL, and nobody can ask for more: the script keeps the time itself. */
function leaving({ time, notice }: BatchJob): string[] {
  if (time === undefined) return [];
  return [
    `# Some time before the end the node begins to leave; it has the process id of this shell.`,
    `(sleep ${time - notice}; kill -TERM $$) >/dev/null 2>&1 &`,
  ];
}

function command(job: BatchJob): string {
  // Torque and PBS Professional call it by different names.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's.
  return nodeCommand(job, "${PBS_JOBID%%.*}", "${PBS_NUM_PPN:-${NCPUS:-1}}");
}
