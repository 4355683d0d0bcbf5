import { type Node, Tag } from "./nodes.js";
import { bufferClass, tagOf } from "./shapes.js";

/** Bytes that travel beside the text; they are copied once, into the body. */
export interface Attachment {
  readonly bytes: Uint8Array;
  /** Zero bytes in front, so that several views on these bytes keep their alignment. */
  readonly lead: number;
}

/** A range of an ArrayBuffer that is wanted; told where it came to lie. */
interface Wanted {
  readonly start: number;
  readonly end: number;
  readonly place: (attachment: number, offset: number) => void;
}

/**
 * Gathers ArrayBuffers and the views on them, and decides which bytes travel: a whole buffer if it is itself part of
 * the value, otherwise only what the views show (a small Buffer is a view on a pool with other people's bytes in it).
 * Views that overlap or touch go on sharing one buffer; others get their own.
 */
export class Attachments {
  readonly #wanted = new Map<ArrayBuffer, Wanted[]>();

  want(buffer: ArrayBuffer, start: number, end: number, place: Wanted["place"]): void {
    const ranges = this.#wanted.get(buffer);
    if (ranges === undefined) this.#wanted.set(buffer, [{ start, end, place }]);
    else ranges.push({ start, end, place });
  }

  /** Settles where everything lies, and tells those who wanted it. */
  place(): Attachment[] {
    const attachments: Attachment[] = [];
    for (const [buffer, ranges] of this.#wanted) {
      ranges.sort((a, b) => a.start - b.start);
      let from = 0;
      while (from < ranges.length) {
        const start = (ranges[from] as Wanted).start;
        let end = (ranges[from] as Wanted).end;
        let to = from + 1;
        for (; to < ranges.length && (ranges[to] as Wanted).start <= end; to++) {
          end = Math.max(end, (ranges[to] as Wanted).end);
        }
        const lead = to - from > 1 ? start % 8 : 0;
        for (const { start: own, place } of ranges.slice(from, to)) place(attachments.length, lead + own - start);
        attachments.push({ bytes: new Uint8Array(buffer, start, end - start), lead });
        from = to;
      }
    }
    return attachments;
  }
}

export function bufferNode(buffer: ArrayBuffer, attachments: Attachments): Node {
  const node: Node = [Tag.ArrayBuffer, 0];
  attachments.want(buffer, 0, buffer.byteLength, (attachment) => {
    node[1] = attachment;
  });
  return node;
}

export function viewNode(view: ArrayBufferView, attachments: Attachments): Node {
  const name = Object.getPrototypeOf(view) === bufferClass()?.prototype ? "Buffer" : tagOf(view);
  const length = (view as Partial<Uint8Array>).length ?? view.byteLength;
  const data = [name, 0, 0, length];
  const { buffer, byteOffset, byteLength } = view;
  attachments.want(buffer as ArrayBuffer, byteOffset, byteOffset + byteLength, (attachment, offset) => {
    data[1] = attachment;
    data[2] = offset;
  });
  return [Tag.View, data];
}
