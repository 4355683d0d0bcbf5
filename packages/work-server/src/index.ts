export type { JobNode, JobNodeClass, JobOptions } from "./job.js";
export { JobServer } from "./job.js";
export { type MainOptions, main } from "./main.js";
export { runJob } from "./run-job.js";
