/** Where tasks write. */
export type OutputStream = "stdout" | "stderr";

/** Lines that tasks of an executor have written, for the executor. */
export interface OutputNews {
  readonly executor: string;
  readonly task: string;
  /** Id and name of the node. */
  readonly node: string;
  readonly name: string;
  readonly stream: OutputStream;
  /** Without their ends. */
  readonly lines: readonly string[];
}
