// What piscina loads. It would load an ES module by require(), and Node 20 aborts the whole process when a thread is
// ended in the middle of that, as by a shutdown right after the start. import() can be interrupted at any time.
const loading = import("./runner.js");
// Whoever asks for a run hears of a failure; before that it must not end the thread.
loading.catch(() => {});

const { allowExec, priority } = require("node:worker_threads").workerData ?? {};

// Whether tasks may run programs for others. They could all the same; those that keep to rules look here.
process.env.PYDIST_ALLOW_EXEC = allowExec ? "1" : "0";

// On Linux a priority is a thread's own. Elsewhere it would be that of the whole node, whose links others wait for.
if (priority === "low" && process.platform === "linux") {
  const { constants, setPriority } = require("node:os");
  setPriority(constants.priority.PRIORITY_LOW);
}

/** @type {typeof import("./runner.js") | undefined} */
let runner;

/** @param {import("./messages.js").RunRequest} request */
exports.run = (request) => {
  if (runner !== undefined) return runner.run(request);
  return loading.then((loaded) => {
    runner = loaded;
    return runner.run(request);
  });
};

/** @param {import("./messages.js").Control} message */
exports.control = (message) => {
  // Before a run there is nothing to control.
  runner?.control(message);
};

/** For versions of Node that cannot look into a thread from another one. */
exports.weigh = () => require("node:v8").getHeapStatistics();
