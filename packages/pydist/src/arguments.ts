import { inspect } from "node:util";
import { ShippingError } from "@pydist/protocol";
import { isWorkerOfPydist } from "@pydist/shipping/runtime";
import { checkAddress } from "pydist-node";
import type { Attached, ExecutorOptions } from "./options.js";

/** Tells `new ClusterExecutor`'s forms apart; PYDIST_ADDRESS counts where no address was given. @throws TypeError or RangeError */
export function readArguments(
  first: string | readonly string[] | ExecutorOptions | undefined,
  second: ExecutorOptions | undefined,
): { addresses: readonly string[]; options: ExecutorOptions; by: Attached } {
  const given = typeof first === "string" || Array.isArray(first);
  if (!given && second !== undefined) {
    throw new TypeError(
      `ClusterExecutor was given ${inspect(first, { depth: 0 })} and options; before options there can only be an address.`,
    );
  }
  const told = given ? second : (first as ExecutorOptions | undefined);
  // Null is none of the forms; the check of the options says so.
  const options = told === undefined ? {} : told;
  const variable = options?.listen === undefined && process.env.PYDIST_ADDRESS;
  const by = given ? "argument" : variable ? "variable" : "not";
  const named = given ? first : variable || [];
  const addresses = typeof named === "string" ? named.split(",") : (named as readonly string[]);
  if (given && addresses.length === 0) throw new TypeError("ClusterExecutor was given an empty list of addresses.");
  for (const address of addresses) {
    if (typeof address !== "string") {
      throw new TypeError(`ClusterExecutor was given the address ${inspect(address)}; it must be a string, host:port.`);
    }
    checkAddress(address);
  }
  return { addresses: addresses.map((address) => address.trim()), options, by };
}

/**
 * A `task()` reference to a function of the program itself makes each worker import the program, which would make an
 * executor, whose workers import the program ...
 */
export function refuseInWorker(): void {
  if (!isWorkerOfPydist()) return;
  const remedy =
    'Put the function into a module of its own and submit task(new URL("./that-module.mjs", import.meta.url).href, "name").';
  throw new ShippingError(
    `A ClusterExecutor was made inside a worker of pydist: a task() names a function of a module that makes one, most ` +
      `likely the program itself. ${remedy}`,
    { remedy },
  );
}
