// Code that is not JavaScript in tasks: a WebAssembly module, and a program of its own.
import { ClusterExecutor } from "pydist";

// (module (func (export "gcd") (param i32 i32) (result i32)
//   (loop (if (i32.eqz (local.get 1)) (then (return (local.get 0))))
//     (local.get 1) (i32.rem_u (local.get 0) (local.get 1)) (local.set 1) (local.set 0) (br 0))
//   unreachable))
const module = Buffer.from(
  "AGFzbQEAAAABBwFgAn9/AX8DAgEABwcBA2djZAAACh4BHAADQCABRQRAIAAPCyABIAAgAXAhASEADAALAAs=",
  "base64",
);

/** The bytes travel along as what the function uses; each task makes an instance, which takes microseconds. */
async function gcd(a, b) {
  const { instance } = await /** @type {any} */ (globalThis).WebAssembly.instantiate(module);
  return instance.exports.gcd(a, b);
}

/** A compiler's output, a script of another language: here another Node, which every node has. */
async function inProcess(program, ...args) {
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program, ...args]);
  return stdout.trim();
}

const executor = new ClusterExecutor();
try {
  const pairs = [
    [1071, 462],
    [270, 192],
    [17, 5],
  ];
  const answers = await executor.map(
    gcd,
    pairs.map(([a]) => a),
    pairs.map(([, b]) => b),
  );
  console.log(`WebAssembly: ${pairs.map(([a, b], i) => `gcd(${a}, ${b}) = ${answers[i]}`).join(", ")}`);

  const program = "console.log([...process.argv[1]].reverse().join(''))";
  const words = await Promise.all(["stressed", "drawer"].map((word) => executor.submit(inProcess, [program, word])));
  console.log(`processes: ${words.join(", ")}`);
  const failed = await executor.submit(inProcess, ["process.exit(3)"]).exception();
  console.log(`one that fails: ${Object(failed).code}`);
} finally {
  await executor.shutdown({ cancelFutures: true });
}
