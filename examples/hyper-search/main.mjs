// Looks for settings with which a small model learns well, takes results as they come, and stops when one is good enough.
import { parseArgs } from "node:util";
import { ClusterExecutor, task } from "pydist";
import { wholeNumber } from "../options.mjs";

const { values } = parseArgs({
  options: {
    goal: { type: "string", default: "97" },
    steps: { type: "string", default: "2000" },
  },
});
const goal = wholeNumber("goal", values.goal) / 100;
const steps = wholeNumber("steps", values.steps);

/** Two spirals, of which the model is to tell the one from the other. The same points each time. */
function points() {
  return Array.from({ length: 200 }, (_, i) => {
    const turn = (i % 100) / 30;
    const side = i < 100 ? 1 : -1;
    return { x: [side * turn * Math.cos(turn * 1.6), side * turn * Math.sin(turn * 1.6)], y: i < 100 ? 1 : 0 };
  });
}

const data = points();

/** Trains one layer of waves with a logistic output. Returns the share of points that it then tells right. */
function train({ rate, waves, scale }) {
  const context = task.context();
  const features = (point) => {
    const [a, b] = point.x;
    const all = [1];
    for (let k = 1; k <= waves; k++) {
      const angle = k * 2.4;
      all.push(Math.sin(scale * k * (a * Math.cos(angle) + b * Math.sin(angle)) + k));
    }
    return all;
  };
  const inputs = data.map(features);
  const weights = new Float64Array(waves + 1);
  const predict = (input) => 1 / (1 + Math.exp(-input.reduce((sum, value, i) => sum + value * weights[i], 0)));
  for (let step = 0; step < steps && !context.signal.aborted; step++) {
    for (const [n, input] of inputs.entries()) {
      const error = data[n].y - predict(input);
      for (const [i, value] of input.entries()) weights[i] += rate * error * value;
    }
    if (step % 100 === 0) context.progress(step / steps);
  }
  return inputs.filter((input, n) => predict(input) > 0.5 === (data[n].y === 1)).length / inputs.length;
}

const settings = [0.01, 0.1, 0.5].flatMap((rate) =>
  [2, 8, 32, 64].flatMap((waves) => [0.1, 0.3, 0.6].map((scale) => ({ rate, waves, scale }))),
);
const executor = new ClusterExecutor();
try {
  let best = { score: 0, setting: settings[0] };
  const results = executor.map(async (setting) => ({ setting, score: train(setting) }), settings, {
    ordered: false,
    chunksize: 1,
  });
  for await (const result of results) {
    if (result.score <= best.score) continue;
    best = result;
    console.log(`${(100 * best.score).toFixed(1)} % right with ${JSON.stringify(best.setting)}`);
    if (best.score >= goal) break; // what has not begun never runs
  }
  results.abort("good enough"); // what still runs is told to stop
  console.log(
    `${best.score >= goal ? "good enough" : "the best"} after ${results.done} of ${settings.length} settings`,
  );
} finally {
  await executor.shutdown({ cancelFutures: true });
}
