export { launch } from "./subcommand.js";
