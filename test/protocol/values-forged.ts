/** Bytes of a rich value with nodes that no encoder need have written. */
export function forged(nodes: unknown, leaves: unknown[] = []): Uint8Array {
  const meta = { values: { structure: [["custom", "structure"]] }, v: 1 };
  const text = new TextEncoder().encode(JSON.stringify({ json: { structure: nodes, leaves }, meta }));
  const bytes = new Uint8Array(12 + text.length);
  bytes.set([0x50, 0x56, 1, 1]);
  new DataView(bytes.buffer).setUint32(4, text.length, true);
  bytes.set(text, 12);
  return bytes;
}
