import { guidePath } from "../node/guide.js";
import { Supervised } from "../supervisor/supervised.js";
import { detachNode, isDetached } from "./detach.js";
import { forUsers, UsageError } from "./exit-codes.js";
import { isOfNpx } from "./npx.js";
import { type Call, subcommand } from "./subcommand.js";

const SPAWN_SETTINGS = [
  "parent",
  "awaitParent",
  "children",
  "discover",
  "host",
  "port",
  "workers",
  "oversubscribe",
  "tasksPerWorker",
  "workerMemory",
  "allowExec",
  "whenIdle",
  "name",
  "secretFile",
  "cluster",
  "hopLimit",
  "advertise",
  "maxChildren",
  "cacheDir",
  "cacheSize",
  "connectTimeout",
  "reconnect",
  "drainGrace",
  "noSupervise",
  "logLevel",
  "json",
] as const;

export type SpawnCall = Call<(typeof SPAWN_SETTINGS)[number]>;

export const spawnCommand = subcommand({
  name: "spawn",
  summary: "start a node, and join it to a parent if there is one",
  examples: [
    { run: "pydist-node spawn", what: "a root on this machine, at 127.0.0.1:9000", marked: true },
    { run: "pydist-node spawn --host 0.0.0.0", what: "a root that other machines can join", marked: true },
    { run: "pydist-node spawn --parent 10.0.0.1:9000", what: "a node below that root", marked: true },
    { run: "pydist-node spawn --parent 127.0.0.1:9000 --port 0 --workers 2", what: "one more on the same machine" },
    { run: "pydist-node spawn --await-parent --host 0.0.0.0", what: "a node that cannot dial out" },
    { run: "pydist-node spawn --children 10.0.0.2:9000,10.0.0.3:9000", what: "and its parent, which dials it" },
    {
      run: "pydist-node spawn --discover --host 0.0.0.0",
      what: "a node that finds its tree on the LAN, or begins one",
    },
  ],
  settings: SPAWN_SETTINGS,
  switches: [{ flag: "--detach <FILE>", help: "go on in the background once it is ready, with the log in FILE" }],
  run: spawn,
});

/** What either needs is loaded by itself: a supervisor stays small, and starts its node without delay. */
async function spawn(call: SpawnCall): Promise<number> {
  // Node's own answer is a debugger that listens for everybody on this machine, and batch systems do send this signal.
  process.on("SIGUSR1", () => {});
  const { awaitParent, parent } = call.values;
  if (awaitParent && parent.length > 0) {
    throw new UsageError(
      `--await-parent and --parent ${parent.join(",")} exclude each other: either the parent dials this node, or the node ` +
        "dials its parent. Leave one of them out; each may also come from its variable or from pydist.config.json.",
    );
  }
  const detached = isDetached();
  const ofNpx = isOfNpx() && !detached;
  const supervised = Supervised.here();
  if (call.values.discover) forUsers(guidePath);
  const log = call.given.detach?.at(-1);
  if (log !== undefined && !detached && supervised === undefined) {
    return detachNode(call, log);
  }
  if (supervised === undefined && !call.values.noSupervise) {
    const { superviseNode } = await import("./supervise.js");
    return superviseNode(call, ofNpx);
  }
  const { runNode } = await import("./node-process.js");
  return runNode(call, supervised, ofNpx);
}
