import type { SerializationError } from "@pydist/protocol";
import { Refused, sentence } from "./refused.js";
import type { View } from "./view.js";

/**
 * A refusal in words that its reader can follow, if it lies inside of what a package made: a closure or an object of the
 * package's own, which took the user no further than to the name of a variable. Other refusals are clear as they are.
 * @param functions those that are captured by value, with the paths to them
 */
export function explained<T extends Refused | SerializationError>(
  error: T,
  functions: ReadonlyMap<View, () => string>,
): T | Refused {
  const way = [...functions]
    .map(([view, path]) => ({ maker: view.maker, path: path() }))
    .filter(({ path }) => leadsTo(path, error.path))
    .sort((a, b) => a.path.length - b.path.length);
  // What the package was given by the user is the user's again.
  const first = way.findLastIndex(({ maker }) => maker === undefined) + 1;
  const { maker, path } = way[first] ?? {};
  if (maker === undefined || path === undefined) return error;
  const inside = error.path.slice(path.length).replace(/^(?: > |\.)/, "");
  const why = inside === "" ? sentence("and it", error) : `and inside of it ${sentence(inside, error)}`;
  return new Refused(
    path,
    `was made by the package ${maker.name} ${maker.version}, ${why}`,
    `Make it inside the function, with what is imported from "${maker.name}".`,
    error,
  );
}

/** Whether one path is the beginning of another. */
function leadsTo(path: string, end: string): boolean {
  return end.startsWith(path) && /^(?:$|[ .[(])/.test(end.slice(path.length));
}
