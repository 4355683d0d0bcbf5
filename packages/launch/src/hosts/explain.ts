import { VERSION } from "pydist-node";
import { plain } from "pydist-node/cli";
import type { Host } from "./hostfile.js";
import type { Ended } from "./ssh.js";

/** Why nothing came of a command on another machine, and what to do about it. */
export function explain({ destination, port }: Host, ended: Ended, timeout: number): string {
  const { code, end } = ended;
  if (end === "out of time") {
    return (
      `nothing was heard within ${timeout / 1000} s. Its node may still come up: look with pydist-node tree, and try again, ` +
      "with a longer --timeout if npm has much to bring there."
    );
  }
  if (code === 255) return `ssh could not log in: ${lastLine(ended)} ${hintOf(ended.stderr, destination)}`;
  if (code === 127) {
    return (
      `neither pydist-node nor npx was found there: ${lastLine(ended)} Install Node 20.19 or newer; if it is there, it is not in ` +
      "the PATH of a shell that is no terminal: say so with --remote-command 'PATH=/path/to/node/bin:$PATH npx --yes pydist-node'."
    );
  }
  if (/unknown option '--detach'/i.test(ended.stderr)) {
    return `its pydist-node is of an older release. Install ${VERSION} there: npm install --global pydist-node@${VERSION}`;
  }
  const sentence = sentenceOf(ended);
  if (sentence !== undefined && isPortTaken(ended)) {
    return `${sentence} Nobody of this cluster answers there. Give its line another port, as in ${destination}:${port + 1}.`;
  }
  if (sentence !== undefined && code === 3) {
    return (
      `${sentence} That is how it looks from there: see that the parent listens for other machines (--host) and that no ` +
      "firewall is between; where none can dial out, see launch hosts --await-parent."
    );
  }
  return sentence ?? `the command there ended with ${code ?? "a signal"} and no node is ready: ${lastLine(ended)}`;
}

/** What `pydist-node` itself said there. */
function sentenceOf({ stderr }: Ended): string | undefined {
  const line = stderr.split("\n").findLast((each) => each.startsWith("pydist-node: "));
  return line === undefined ? undefined : plain(line.slice("pydist-node: ".length));
}

export function isPortTaken({ code, stderr }: Ended): boolean {
  return code === 1 && /^pydist-node: Port \d+ .+ is taken/m.test(stderr);
}

function hintOf(stderr: string, destination: string): string {
  if (/Permission denied/.test(stderr)) {
    return `No password is asked for: put your key there (ssh-copy-id ${destination}), or load it (ssh-add).`;
  }
  if (/Host key verification failed/.test(stderr))
    return `Log in once by hand, to see whose key it is: ssh ${destination}`;
  if (/Could not resolve/.test(stderr)) return "See how its name is spelt, or whether ~/.ssh/config knows it.";
  return `Try it by hand: ssh ${destination} true`;
}

/** What was said last, as a sentence's end. */
function lastLine({ stderr, stdout }: Ended): string {
  const said = (text: string): string | undefined => text.split("\n").findLast((line) => line.trim() !== "");
  const line = plain(said(stderr) ?? said(stdout) ?? "it said nothing").trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
