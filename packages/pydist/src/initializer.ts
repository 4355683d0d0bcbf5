import type { Content } from "@pydist/futures";
import { BodiesBuilder, packBodies } from "@pydist/protocol";
import { base64, initializerText, type ShippedCode, sha256, ship } from "@pydist/shipping";
import type { ExecutorOptions } from "./options.js";

/**
 * The initializer as a code of its own: the function's code with what it captured and its arguments. Made when the executor is, so that one
 * that cannot travel fails there and not in each task.
 * @throws ShippingError or SerializationError
 */
export function shipInitializer(
  { initializer, initargs = [] }: ExecutorOptions,
  bind: (code: ShippedCode) => ShippedCode,
): Content | undefined {
  if (initializer === undefined) return undefined;
  const code = bind(ship(initializer, "initializer", { args: initargs }));
  const builder = new BodiesBuilder();
  builder.add(code.encodeArguments([...initargs], "initargs"));
  const args = base64(packBodies(builder.build()));
  const content = initializerText({ code: code.text, args, captured: code.captured });
  return { hash: sha256(content), content };
}
