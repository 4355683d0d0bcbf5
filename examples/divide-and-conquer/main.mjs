// Integrates a function that is smooth in places and wild in others: tasks that find their piece too hard submit two smaller ones.
import { parseArgs } from "node:util";
import { ClusterExecutor, task } from "pydist";
import { wholeNumber } from "../options.mjs";

const { values } = parseArgs({ options: { digits: { type: "string", default: "9" } } });
const digits = wholeNumber("digits", values.digits);

/** sin(1 / x) from 0.01 to 1: the nearer to zero, the wilder. */
const f = (x) => Math.sin(1 / x);

/** The integral from a to b, and how many tasks it took. */
async function integral(a, b, allowed) {
  const simpson = (from, to, pieces) => {
    const h = (to - from) / pieces;
    let sum = f(from) + f(to);
    for (let i = 1; i < pieces; i++) sum += (i % 2 === 1 ? 4 : 2) * f(from + i * h);
    return (sum * h) / 3;
  };
  const [rough, fine] = [simpson(a, b, 64), simpson(a, b, 128)];
  if (Math.abs(fine - rough) < allowed) return { value: fine, tasks: 1 };
  // A task that waits for tasks of its own gives its place to others meanwhile, however deep this goes.
  const { executor } = task.context();
  const middle = (a + b) / 2;
  const halves = [
    executor.submit(integral, [a, middle, allowed / 2]),
    executor.submit(integral, [middle, b, allowed / 2]),
  ];
  const [left, right] = await Promise.all(halves);
  return { value: left.value + right.value, tasks: 1 + left.tasks + right.tasks };
}

const executor = new ClusterExecutor();
try {
  const { value, tasks } = await executor.submit(integral, [0.01, 1, 10 ** -digits]);
  console.log(`the integral of sin(1 / x) from 0.01 to 1 is ${value.toFixed(digits)}, found by ${tasks} tasks`);
} finally {
  await executor.shutdown({ cancelFutures: true });
}
