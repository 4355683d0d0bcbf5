import { ClusterExecutor } from "pydist";
import { LocalTree } from "../../examples/main-job/local-tree.mjs";

/** Where an example can run: what its environment says, and how many calls the nodes there have done. */
export interface Place {
  readonly env: NodeJS.ProcessEnv;
  /** Undefined where no node outlives the example. */
  calls(): Promise<number | undefined>;
  leave(): Promise<void>;
}

const shapes = {
  "on this machine alone": [],
  "on one node": [{ name: "only" }],
  "on a tree": [
    { name: "root" },
    { name: "child-1", parent: "root" },
    { name: "child-2", parent: "root" },
    { name: "grandchild", parent: "child-1" },
  ],
};

export const places = Object.keys(shapes) as (keyof typeof shapes)[];

export async function goTo(place: keyof typeof shapes): Promise<Place> {
  const [root] = shapes[place];
  if (root === undefined) return { env: {}, calls: async () => undefined, leave: async () => {} };
  const tree = new LocalTree();
  try {
    await tree.start(shapes[place], 1);
  } catch (error) {
    await tree.stop();
    throw error;
  }
  const address = tree.addresses.get(root.name) ?? "";
  const { secretFile } = tree;
  return {
    env: { PYDIST_ADDRESS: address, PYDIST_SECRET_FILE: secretFile },
    async calls() {
      const executor = new ClusterExecutor(address, { secretFile });
      try {
        return (await executor.nodes()).reduce((sum, { completed }) => sum + completed, 0);
      } finally {
        await executor.shutdown();
      }
    },
    leave: () => tree.stop(),
  };
}
