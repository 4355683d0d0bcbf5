#!/usr/bin/env node
import { runProgram } from "./program.js";
import { elsewhere, subcommands } from "./subcommands.js";

process.exitCode = await runProgram(process.argv.slice(2), { own: subcommands, elsewhere });
// With nothing left open the process ends by itself, its output written. What should hold it up regardless must not.
setTimeout(() => process.exit(), 1000).unref();
