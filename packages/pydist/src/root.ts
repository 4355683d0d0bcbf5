import {
  DEFAULT_CLUSTER,
  type Engine,
  type LinkLike,
  openDoorway,
  parseAddress,
  resolveSecret,
  silent,
  toNodeInfos,
  VERSION,
} from "pydist-node";
import type { ExecutorOptions } from "./options.js";

/** What makes an embedded executor the root of a tree: it listens, and nodes join this very program. */
export class Root {
  readonly #engine: Engine;
  readonly #listen: string;
  readonly #options: ExecutorOptions;
  #opening: Promise<void> | undefined;
  #doorway: Awaited<ReturnType<typeof openDoorway>> | undefined;

  constructor(engine: Engine, listen: string, options: ExecutorOptions) {
    parseAddress(listen);
    this.#engine = engine;
    this.#listen = listen;
    this.#options = options;
  }

  /** `host:port`, as the peer at the other end of a link reaches this program, or whoever may come. */
  addressFor(peer?: LinkLike): string {
    return this.#doorway?.addressFor(peer) ?? "";
  }

  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { secret, secretFile, cluster = DEFAULT_CLUSTER, logger = silent } = this.#options;
    const { key } = await resolveSecret({ secret, secretFile, env: process.env, mayGenerate: true });
    const { id, name, workers } = this.#engine.options;
    this.#doorway = await openDoorway(this.#engine, {
      ...parseAddress(this.#listen),
      key,
      logger,
      hello: () => ({ id, name, version: VERSION, role: "node", cluster, workers }),
      lineage: () => ({ chain: [{ id, name, address: this.addressFor() }], settled: true }),
    });
  }

  /** Has all nodes that joined leave the tree, those farthest from here first, so that none loses its way there. */
  async stopNodes(): Promise<void> {
    const [, ...below] = toNodeInfos(await this.#engine.ask("nodes"));
    await Promise.all(below.reverse().map(({ id }) => this.#engine.order("stop", id)));
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => {});
    await this.#doorway?.close();
  }
}
