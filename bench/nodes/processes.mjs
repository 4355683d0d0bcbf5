import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** @param {URL} script The process ends when this one does, or hangs up. */
export function startProcess(script) {
  return fork(fileURLToPath(script), { execArgv: [], stdio: ["ignore", 2, 2, "ipc"] });
}

/**
 * @param {import("node:child_process").ChildProcess} child @param {object} question
 * @returns {Promise<any>} its answer
 */
export async function ask(child, question) {
  child.send(question);
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`a process of the bench ended with ${code}`);
  });
  const [answer] = await Promise.race([once(child, "message"), gone]);
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer;
}
