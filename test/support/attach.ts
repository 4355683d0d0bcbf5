import { ClusterExecutor, type ExecutorOptions } from "pydist";
import { opened } from "./opened.js";
import { fileHome } from "./processes.js";

/** A program on a cluster of this file's processes; it ends with the test. */
export function attach(address: string, options: ExecutorOptions = {}): ClusterExecutor {
  const executor = new ClusterExecutor(address, { secretFile: fileHome().secretFile, ...options });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  return executor;
}
