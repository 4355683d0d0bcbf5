import type { CodeText } from "@pydist/futures";
import { BodiesBuilder, encodeValue, packBodies } from "@pydist/protocol";
import { initializerText, type ShippedCode, sha256, ship } from "@pydist/shipping";
import type { ExecutorOptions } from "./options.js";

/**
 * The initializer as a code of its own: the function's code with its arguments. Made when the executor is, so that one
 * that cannot travel fails there and not in each task.
 * @throws ShippingError or SerializationError
 */
export function shipInitializer(
  { initializer, initargs = [] }: ExecutorOptions,
  bind: (code: ShippedCode) => ShippedCode,
): CodeText | undefined {
  if (initializer === undefined) return undefined;
  const { text: code } = bind(ship(initializer, "initializer"));
  const builder = new BodiesBuilder();
  builder.add(encodeValue([...initargs], "initargs"));
  const args = Buffer.from(packBodies(builder.build())).toString("base64");
  const text = initializerText({ code, args });
  return { hash: sha256(text), text };
}
