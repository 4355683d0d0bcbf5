import { PydistError, SerializationError, ShippingError } from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { expect, type TestContext } from "vitest";
import { type CaptureCase, madeBy, sameElsewhere } from "./capturing.js";
import { type Elsewhere, pack } from "./elsewhere.js";

/** A function that may not leave. */
export interface RefusedCase extends Pick<CaptureCase, "title" | "make" | "args"> {
  /** The names by which the obstacle is reached, in this order. */
  readonly reach: readonly string[];
  /** What the message names beside them. */
  readonly names?: readonly string[];
  /** It may also travel, if it then does what it does here. */
  readonly unlessRight?: boolean;
}

/** What a body or a trap leaves behind if it runs; the fixtures write it. */
const TRACE = "PYDIST_TEST_RAN";

/** Ships a function of a case and returns what that throws; nothing if it is accepted. */
export function refusalOf(example: Pick<RefusedCase, "make" | "args">): Error | undefined {
  delete process.env[TRACE];
  try {
    const { fn, args } = madeBy(example as CaptureCase);
    delete process.env[TRACE];
    pack(ship(fn), args);
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    expect(process.env[TRACE], "nothing of the user's runs at submit").toBeUndefined();
  }
}

export async function refused(elsewhere: Elsewhere, example: RefusedCase, ctx: TestContext): Promise<void> {
  const error = refusalOf(example);
  if (error === undefined) {
    if (example.unlessRight !== true) throw new Error("it was accepted");
    return sameElsewhere(elsewhere, { ...example, rewritten: true }, ctx);
  }
  expectRefusal(error, example);
}

/** Class, code, place, path and remedy of a refusal. */
export function expectRefusal(error: Error, { reach, names = [] }: Pick<RefusedCase, "reach" | "names">): void {
  if (!(error instanceof ShippingError || error instanceof SerializationError)) throw error;
  expect(error).toBeInstanceOf(PydistError);
  expect(error.code).toBe(error instanceof ShippingError ? "PYDIST_E_SHIPPING" : "PYDIST_E_SERIALIZATION");
  const { message, path = "" } = error;
  const { location = "", remedy = "" } = error as ShippingError;
  expect(`${location} ${message}`, "the place of the function").toMatch(/\.[cm]?[jt]s:\d+:\d+/);
  expect(inOrder(path === "" ? message : path, reach), `${reach.join(" -> ")} in ${path || message}`).toBe(true);
  for (const name of names) expect(message).toContain(name);
  expect(remedy, `what to do about: ${message}`).toMatch(/\w.*\.$/s);
  expect(message).toContain(remedy);
}

function inOrder(text: string, steps: readonly string[]): boolean {
  let at = 0;
  return steps.every((step) => {
    const found = text.indexOf(step, at);
    at = found + step.length;
    return found >= 0;
  });
}
