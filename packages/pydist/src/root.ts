import {
  DEFAULT_CLUSTER,
  type Engine,
  openDoorway,
  parseAddress,
  reachableAddress,
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
  #listener: Awaited<ReturnType<typeof openDoorway>> | undefined;

  constructor(engine: Engine, listen: string, options: ExecutorOptions) {
    parseAddress(listen);
    this.#engine = engine;
    this.#listen = listen;
    this.#options = options;
  }

  get address(): string {
    return this.#listener === undefined ? "" : reachableAddress(this.#listener.address);
  }

  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { secret, secretFile, cluster = DEFAULT_CLUSTER, logger = silent } = this.#options;
    const { key } = await resolveSecret({ secret, secretFile, env: process.env, mayGenerate: true });
    const { id, name, workers } = this.#engine.options;
    const self = { id, name };
    this.#listener = await openDoorway(this.#engine, {
      ...parseAddress(this.#listen),
      key,
      logger,
      hello: () => ({ ...self, version: VERSION, role: "node", cluster, address: this.address, workers }),
      onChild: () =>
        this.#engine.tellChildren({ t: "ancestry", chain: [{ ...self, address: this.address }], settled: true }),
    });
  }

  /** Has all nodes that joined leave the tree, those farthest from here first, so that none loses its way there. */
  async stopNodes(): Promise<void> {
    const [, ...below] = toNodeInfos(await this.#engine.ask("nodes"));
    await Promise.all(below.reverse().map(({ id }) => this.#engine.order("stop", id)));
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => {});
    await this.#listener?.close();
  }
}
