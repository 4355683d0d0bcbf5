import { decodeValue, encodeArguments, encodeValue, registerType, SerializationError } from "@pydist/protocol";
import { expect } from "vitest";

import { thrownBy } from "../support/thrown.js";

export { thrownBy };

export class Vector {
  readonly x: number;
  readonly #y: number;

  constructor(x: number, y: number) {
    this.x = x;
    this.#y = y;
  }

  get y(): number {
    return this.#y;
  }
}

/** Holds others, and tells what it was given when it was made. */
export class Box {
  readonly content: unknown;
  readonly seen: string;

  constructor(content: unknown) {
    this.content = content;
    this.seen = JSON.stringify(content, (_, value) => (value instanceof Map ? [...value] : value));
  }
}

export class Ids extends Map<string, number> {
  prefix = "id";
}

export class Quota extends Error {
  override name = "Quota";
  readonly limit: number;

  constructor(limit: number) {
    super(`over ${limit}`);
    this.limit = limit;
  }
}

export class Base {
  n = 1;
}
export class Derived extends Base {}

/** What `pack` does and gives is decided by each test. */
export class Odd {
  pack: () => unknown;

  constructor(pack: () => unknown) {
    this.pack = pack;
  }
}

/** Made by its class only. */
export class Secret {
  static of(text: string): Secret {
    return new Secret(text);
  }

  readonly text: string;
  private constructor(text: string) {
    this.text = text;
  }
}

/** How often a vector was packed. */
export const packings = { count: 0 };

registerType(Vector, {
  name: "vector",
  pack: ({ x, y }) => {
    packings.count++;
    return { x, y };
  },
  unpack: ({ x, y }) => new Vector(x, y),
});
registerType(Box, { name: "box", pack: ({ content }) => content, unpack: (content) => new Box(content) });
registerType(Ids, {
  name: "ids",
  pack: (ids) => ({ prefix: ids.prefix, entries: [...ids] }),
  unpack: ({ prefix, entries }) => Object.assign(new Ids(entries), { prefix }),
});
registerType(Quota, { name: "quota", pack: ({ limit }) => limit, unpack: (limit) => new Quota(limit) });
registerType(Base, { name: "base", pack: ({ n }) => n, unpack: (n) => Object.assign(new Base(), { n }) });
registerType(Odd, { name: "odd", pack: (odd) => odd.pack(), unpack: (given) => new Odd(() => given) });
registerType(Secret, { name: "secret", pack: ({ text }) => text, unpack: (text) => Secret.of(text) });

export function trip<T>(value: T): T {
  const { kind, text, bytes } = encodeValue(value, "value");
  return decodeValue(kind, bytes ?? new TextEncoder().encode(text)) as T;
}

export function refusal(...args: unknown[]): SerializationError {
  const error = thrownBy(() => encodeArguments(args));
  expect(error).toBeInstanceOf(SerializationError);
  return error as SerializationError;
}
