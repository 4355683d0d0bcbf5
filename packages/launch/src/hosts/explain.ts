import { VERSION } from "pydist-node";
import { plain } from "pydist-node/cli";
import type { Host } from "./hostfile.js";
import { logOf } from "./remote.js";
import type { Ended } from "./ssh.js";

/** Why nothing came of a command on another machine, and what to do about it. */
export function explain(host: Host, ended: Ended, timeout: number): string {
  const { destination } = host;
  const { code, end, stderr } = ended;
  if (end === "interrupted") return "it was interrupted.";
  if (end === "out of time") {
    return (
      `nothing came of it within ${timeout / 1000} s, and it was given up. Where npm has much to bring, give it a longer ` +
      `--timeout; else see what ssh ${destination} does.`
    );
  }
  if (code === 255) return `ssh could not log in: ${lastLine(ended)} ${hintOf(ended.stderr, destination)}`;
  if (code === null) return "ssh was ended by a signal, and what became of the node is not known. Do the same again.";
  if (code === 127 && stderr.includes("npx: not found, beside node")) {
    return (
      "Node is there, but neither pydist-node nor npx. Install npm there, which some systems have as a package of its own " +
      "(apt-get install npm); or pydist-node, and say with --remote-command where it is: 'node " +
      "/path/to/node_modules/pydist-node/dist/cli/main.js'."
    );
  }
  if (code === 127) {
    return (
      `neither pydist-node nor npx was found there: ${lastLine(ended)} Install Node 20.19 or newer; if it is there, it is not in ` +
      "the PATH of a shell that is no terminal: say so with --remote-command 'PATH=/path/to/node/bin:$PATH npx --yes pydist-node'."
    );
  }
  return (
    explainOwn(host, ended) ??
    explainNpm(ended) ??
    `the command there ended with ${code}: ${lastLine(ended)} Its log may say more, ssh ${destination} cat ` +
      `${logOf(host.port)}; --dry-run prints the command, to be tried by hand.`
  );
}

/** If it was `pydist-node` that said why. */
function explainOwn({ destination, port }: Host, ended: Ended): string | undefined {
  const said = sentenceOf(ended);
  if (said === undefined) return undefined;
  if (said.startsWith("Unknown option")) {
    return `its pydist-node is of another release: ${said} Install ${VERSION} there: npm install --global pydist-node@${VERSION}`;
  }
  if (isPortTaken(ended)) {
    const taken = said.replace(/(is taken by another process)\..*/, "$1");
    return `${taken}, and nobody of this cluster answers there. Give its line another port, as in ${destination}:${port + 1}.`;
  }
  const [, address] = /^(\S+) has a different secret/.exec(said) ?? [];
  if (address !== undefined) {
    return (
      `at ${address}, as it is reached from there, a node of another cluster answers: it has another secret. See that your ` +
      "root is what that address means there, or give the right one with --parent."
    );
  }
  if (ended.code !== 3) return said;
  return (
    `${said} That is how it looks from there: see that the parent listens for other machines (--host) and that no firewall is ` +
    "between; where none can dial out, see launch hosts --await-parent."
  );
}

function explainNpm(ended: Ended): string | undefined {
  if (/EBADENGINE|SyntaxError/.test(ended.stderr)) {
    return "its Node is too old: pydist needs 20.19 or newer. Install that there, or name one with --remote-command.";
  }
  const said = npmErrorOf(ended);
  if (said === undefined) return undefined;
  return (
    `npm could not bring pydist-node@${VERSION} there: ${said} Install it there once, npm install --global pydist-node, or say ` +
    "with --remote-command where it is."
  );
}

/** What `pydist-node` itself said there. */
export function sentenceOf({ stderr }: Ended): string | undefined {
  const line = stderr.split("\n").findLast((each) => each.startsWith("pydist-node: "));
  return line === undefined ? undefined : plain(line.slice("pydist-node: ".length));
}

export function isPortTaken({ code, stderr }: Ended): boolean {
  return code === 1 && /^pydist-node: Port \d+ .+ is taken/m.test(stderr);
}

/** What npm says first, as a sentence. */
function npmErrorOf({ stderr }: Ended): string | undefined {
  const lines = stderr
    .split("\n")
    .flatMap((line) => /^npm (?:ERR!|error) (?!(?:code|syscall|errno|type) )(.+)/.exec(line)?.[1] ?? []);
  return lines[0] === undefined ? undefined : sentence(lines[0]);
}

function hintOf(stderr: string, destination: string): string {
  if (/Permission denied/.test(stderr)) {
    return `No password is asked for: put your key there (ssh-copy-id ${destination}), or load it (ssh-add).`;
  }
  if (/Host key verification failed/.test(stderr))
    return `Log in once by hand, to see whose key it is: ssh ${destination}`;
  if (/Could not resolve/.test(stderr)) return "See how its name is spelt, or whether ~/.ssh/config knows it.";
  if (/timed out/.test(stderr)) {
    return (
      "It is off, or a firewall drops what is sent there. If it only takes longer to answer: --ssh-option " +
      "-oConnectTimeout=60."
    );
  }
  return `Try it by hand: ssh ${destination} true`;
}

/** What was said last, as a sentence. */
function lastLine({ stderr, stdout }: Ended): string {
  const said = (text: string): string | undefined => text.split("\n").findLast((line) => line.trim() !== "");
  return sentence(said(stderr) ?? said(stdout) ?? "it said nothing");
}

function sentence(line: string): string {
  const text = plain(line).trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
