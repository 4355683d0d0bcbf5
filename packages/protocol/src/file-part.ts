/** Some bytes of a file. */
export interface FilePart {
  /** SHA-256 of the whole file, in hex. */
  readonly hash: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** From this byte on. */
  readonly at: number;
  readonly length: number;
}
