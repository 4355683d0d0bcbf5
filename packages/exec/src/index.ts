export { type ExecOptions, type ExecResult, exec, type ProgramEnd, type ProgramLine } from "./exec.js";
