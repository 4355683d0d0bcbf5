// `npm run soak [-- --minutes 10]`: a tree at work, by default for an hour, and whether anything of it grows.
import { parseArgs } from "node:util";
import { runTests } from "./run-tests.mjs";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "60" } } });
runTests(["test/soak"], { PYDIST_SOAK_MINUTES: values.minutes });
