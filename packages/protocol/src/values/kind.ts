/** How a body is written. */
export const Kind = {
  /** UTF-8 JSON. */
  Plain: 0,
  /** What JSON cannot say: see `rich.ts`. */
  Rich: 1,
  /** No value at all; written as the JSON text `null`, so that it may stand among plain bodies. */
  Undefined: 2,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** A value ready to travel: text for `Plain` and `Undefined`, bytes for `Rich`. */
export interface EncodedValue {
  kind: Kind;
  /** JSON; no bytes are made of it yet, so that a caller can join many texts and encode once. */
  text: string | undefined;
  bytes: Uint8Array | undefined;
}
