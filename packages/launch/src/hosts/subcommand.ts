import { VERSION } from "pydist-node";
import { CLIENT_SETTINGS, existingSecret, subcommand, UsageError } from "pydist-node/cli";
import { checkBehind, IN_FRONT } from "../behind.js";
import { stopHosts } from "./down.js";
import { readHostfile } from "./hostfile.js";
import { startHosts } from "./up.js";

/** `pydist-node launch hosts`. */
export const hosts = subcommand({
  name: "hosts",
  summary: "start a node on each machine of a file, over ssh, or stop them",
  examples: [
    {
      run: "pydist-node launch hosts --hostfile peers.txt",
      what: "below the node at 127.0.0.1:9000, or PYDIST_ADDRESS",
    },
    { run: "pydist-node launch hosts --hostfile peers.txt --parent 10.0.0.1:9000", what: "below that one" },
    { run: "pydist-node launch hosts --hostfile peers.txt -- --allow-exec", what: "with more options of spawn" },
    { run: "pydist-node launch hosts --hostfile peers.txt --down", what: "stop them all" },
  ],
  settings: [...CLIENT_SETTINGS, "parent", "json"],
  switches: [
    {
      flag: "--hostfile <FILE>",
      help: "the machines: a line [user@]host[:port] [workers=N] for each; # begins a comment",
    },
    { flag: "--down", help: "stop the nodes of that file" },
    { flag: "--dry-run", help: "only print the commands that would start or stop them, and run none" },
    { flag: "--await-parent", help: "nodes that dial nobody: a parent dials them (spawn --children)" },
    {
      flag: "--remote-command <COMMAND>",
      help: `how pydist-node is called there, in shell; by default what is installed, or npx --yes pydist-node@${VERSION}`,
    },
    { flag: "--ssh-option <OPTION>", help: "given to ssh as it is, such as -p2222 or -oUser=me; can be repeated" },
    { flag: "--timeout <SECONDS>", help: "for one machine; by default 120, since npm may have much to bring" },
  ],
  rest: "SPAWN-OPTION...",
  async run(call) {
    const { given, switches } = call;
    checkBehind(call.rest, OURS);
    const [hostfile, ...more] = given.hostfile ?? [];
    if (hostfile === undefined || more.length > 0) throw new UsageError("Which machines? Give --hostfile FILE, once.");
    const hosts = await readHostfile(hostfile);
    const order = {
      ssh: {
        options: sshOptions(given.sshOption ?? []),
        timeout: 1000 * secondsOf(given.timeout?.at(-1)),
        signal: NEVER,
      },
      command: given.remoteCommand?.at(-1),
      cluster: call.values.cluster,
      secret: (await existingSecret(call)).line,
    };
    return switches.has("down") ? stopHosts(hosts, order, call) : startHosts(hosts, order, call);
  },
});

/** A node is found again by its line's name and port, and told by ssh alone what no argument may hold. */
const OURS = {
  "--name": "A node is called as its line in the file.",
  "--port": "Write it into the file, as in node7:9001.",
  "--parent": IN_FRONT,
  "--await-parent": IN_FRONT,
  "--cluster": IN_FRONT,
  "--connect-timeout": IN_FRONT,
  "--json": IN_FRONT,
  "--secret-file":
    "Give it in front of the --: it is a file of this machine, and the nodes are told what is in it over ssh.",
  "--detach": "Each node goes on in the background as it is, with the log that its line in the output names.",
};

const NEVER = new AbortController().signal;

const DEFAULT_SECONDS = 120;

function secondsOf(given: string | undefined): number {
  if (given === undefined) return DEFAULT_SECONDS;
  const seconds = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (seconds > 0) return seconds;
  throw new UsageError(`--timeout: ${JSON.stringify(given)} is not a whole number of seconds from 1 to 99999.`);
}

function sshOptions(given: readonly string[]): readonly string[] {
  for (const option of given) {
    if (/^-\w/.test(option)) continue;
    throw new UsageError(
      `--ssh-option: ${JSON.stringify(option)} is no option of ssh. Write each as one word, such as -p2222, -iFILE or -oUser=me.`,
    );
  }
  return given;
}
