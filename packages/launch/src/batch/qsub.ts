import { type BatchJob, given } from "./job.js";

const LETTERS = { begin: "b", end: "e", fail: "a" } as const;

/**
 * What PBS and Grid Engine are told in the same words: where the job goes and who pays, its output and its mail.
 * @param join has stderr go where the output goes
 */
export function qsubDirectives(job: BatchJob, join: string): (string | undefined)[] {
  return [
    given("-q %", job.queue),
    given("-A %", job.account),
    given("-o %", job.output),
    job.error === undefined ? join : `-e ${job.error}`,
    given("-M %", job.mail?.user),
    given("-m %", job.mail?.events.map((each) => LETTERS[each]).join("")),
    ...job.directives,
  ];
}
