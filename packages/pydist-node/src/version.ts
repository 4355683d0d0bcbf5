import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };

/** This release of pydist, as the hello tells it. */
export const VERSION: string = manifest.version;
