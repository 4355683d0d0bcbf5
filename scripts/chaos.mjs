// `npm run chaos [-- --seed 17]`: the long form of the tests in which processes die, freeze, leave and join.
import { parseArgs } from "node:util";
import { runTests } from "./run-tests.mjs";

const { values } = parseArgs({ options: { seed: { type: "string" } } });
const seed = values.seed === undefined ? {} : { PYDIST_CHAOS_SEED: values.seed };
runTests(["test/chaos"], { PYDIST_CHAOS: "long", ...seed });
