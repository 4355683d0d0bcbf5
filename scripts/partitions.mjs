// `npm run partitions`: the long form of the tests in which the network between machines drops what it likes.
import { runTests } from "./run-tests.mjs";

runTests(["test/partitions", "test/discovery/hosts"], { PYDIST_PARTITIONS: "long" });
