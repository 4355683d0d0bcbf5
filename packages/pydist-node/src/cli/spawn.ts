import { Supervised } from "../supervisor/supervised.js";
import { type Call, subcommand } from "./subcommand.js";

const SPAWN_SETTINGS = [
  "parent",
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
  "cacheDir",
  "cacheSize",
  "connectTimeout",
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
  ],
  settings: SPAWN_SETTINGS,
  run: spawn,
});

/** What either needs is loaded by itself: a supervisor stays small, and starts its node without delay. */
async function spawn(call: SpawnCall): Promise<number> {
  // Node's own answer is a debugger that listens for everybody on this machine, and batch systems do send this signal.
  process.on("SIGUSR1", () => {});
  const supervised = Supervised.here();
  if (supervised === undefined && !call.values.noSupervise) {
    const { superviseNode } = await import("./supervise.js");
    return superviseNode(call);
  }
  const { runNode } = await import("./node-process.js");
  return runNode(call, supervised);
}
