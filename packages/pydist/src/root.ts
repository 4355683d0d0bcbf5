import {
  DEFAULT_CLUSTER,
  type Engine,
  type LinkLike,
  openDoorway,
  outsideHost,
  parseAddress,
  Reachable,
  resolveSecret,
  silent,
  tellLineage,
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
  #reachable: Reachable | undefined;

  constructor(engine: Engine, listen: string, options: ExecutorOptions) {
    parseAddress(listen);
    this.#engine = engine;
    this.#listen = listen;
    this.#options = options;
  }

  /** `host:port`, as the peer at the other end of a link reaches this program, or whoever may come. */
  addressFor(peer?: LinkLike): string {
    return this.#reachable?.to(peer) ?? "";
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
    const where = parseAddress(this.#listen);
    const outside = await outsideHost(where.host);
    this.#listener = await openDoorway(this.#engine, {
      ...where,
      key,
      logger,
      hello: () => ({ ...self, version: VERSION, role: "node", cluster, address: this.#reachable?.listening, workers }),
      onChild: () => {
        const lineage = { chain: [{ ...self, address: this.addressFor() }], settled: true };
        tellLineage(this.#engine.children, lineage, (child) => this.addressFor(child));
      },
    });
    this.#reachable = new Reachable(this.#listener.address, outside);
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
