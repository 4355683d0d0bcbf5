/*
 * What a package needs that brings a subcommand: its module `PACKAGE/subcommand` exports what `subcommand` gives, under the
 * subcommand's name, which `elsewhere` in subcommands.ts knows.
 */
export { defaultSecretFile } from "../links/index.js";
export { outsideHost } from "../node/outside-host.js";
export { askNodes, CLIENT_SETTINGS, existingSecret, orderNode, secretFileOption } from "./client.js";
export { EXIT, exitCodeOf, UsageError } from "./exit-codes.js";
export { Interruption } from "./interruption.js";
export { complain, duration, plain, print, printJson, styled } from "./output.js";
export type { Resolved, SettingName, Settings } from "./settings.js";
export { spawnOptions } from "./spawn-options.js";
export { type Call, type Subcommand, type SubcommandGroup, subcommand } from "./subcommand.js";
export { drawTree } from "./tree.js";
