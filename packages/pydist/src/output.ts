import { callUser } from "@pydist/futures";
import type { OutputNews } from "@pydist/protocol";

/** A line that a task has written. */
export interface OutputLine {
  /** Id and name of the node that the task ran on. */
  readonly node: string;
  readonly name: string;
  readonly stream: "stdout" | "stderr";
  /** Without its end; at most 32,768 characters, longer lines are cut. */
  readonly text: string;
  /** The task's name. */
  readonly task: string;
}

/**
 * What becomes of what tasks write to stdout and stderr: it is printed on the same stream of this program, with the name of
 * the node before each line unless it ran in this very process; or ignored; or given to a function line by line.
 */
export type OutputOption = "print" | "ignore" | ((line: OutputLine) => void);

/** Does with lines as the option says. @param own id of this process's own workers */
export function outputHandler(option: OutputOption, own: string): (news: OutputNews) => void {
  if (option === "ignore") return () => {};
  if (option === "print") return (news) => printLines(news, own);
  return ({ node, name, stream, task, lines }) => {
    for (const text of lines) callUser("output", () => option({ node, name, stream, text, task }));
  };
}

function printLines({ node, name, stream, lines }: OutputNews, own: string): void {
  // A name comes from another machine; control characters in it would steer the terminal.
  const label = node === own ? "" : `[${name.replace(/\p{Cc}/gu, " ")}] `;
  process[stream].write(lines.map((line) => `${label}${line}\n`).join(""));
}
