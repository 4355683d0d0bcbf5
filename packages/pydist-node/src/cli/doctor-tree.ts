import { ConnectionError, PydistError } from "@pydist/protocol";
import { hostOf, isLoopback } from "../links/address.js";
import type { NodeInfo } from "../node/description.js";
import { askNodes, type CLIENT_SETTINGS } from "./client.js";
import { type Check, ok, warn } from "./doctor-check.js";
import { reaches } from "./doctor-network.js";
import type { Call } from "./subcommand.js";

/** Nodes whose addresses are tried; more would look like a scan to whoever guards the network. */
const MOST_TRIED = 20;
/** Milliseconds for a machine to take a connection, as for a newcomer that is sent there. */
const PATIENCE = 2000;

/** Whether the nodes of the tree can be dialled from here by what they say of themselves, as newcomers and orphans do. */
export async function checkBelow(call: Call<(typeof CLIENT_SETTINGS)[number]>): Promise<Check[]> {
  const [asked = ""] = call.values.address;
  try {
    const nodes = (await askNodes(call)).slice(0, MOST_TRIED);
    const tried = await Promise.all(nodes.map(async (node) => ({ node, ok: await isReached(node, asked) })));
    const missed = tried.filter((each) => !each.ok).map(({ node }) => `${node.name} (${node.address || "no address"})`);
    if (missed.length === 0) return [ok("tree", `all nodes can be dialled from here: ${nodes.length}`)];
    return [
      warn(
        "tree",
        `from here, ${missed.length} of ${nodes.length} nodes cannot be dialled by the address that they give: ${missed.join(", ")}. ` +
          "Nothing is wrong as long as nobody is sent to them (--max-children) or looks for them when its parent is lost. " +
          "Otherwise start them with --host 0.0.0.0, or with an --advertise that leads there.",
      ),
    ];
  } catch (error) {
    if (!(error instanceof PydistError)) throw error;
    const message = error instanceof ConnectionError ? error.message : String(error);
    return [warn("tree", message)];
  }
}

async function isReached({ address }: NodeInfo, asked: string): Promise<boolean> {
  const host = hostOf(address);
  // On loopback it is on the machine of whoever tells of it, which is this one only if that one is.
  if (host === undefined || (isLoopback(host) && !isLoopback(hostOf(asked) ?? ""))) return false;
  return reaches(address, PATIENCE);
}
