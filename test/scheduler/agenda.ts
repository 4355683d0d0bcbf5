interface Appointment {
  readonly time: number;
  readonly order: number;
  readonly what: () => void;
}

/** A virtual clock: what is due runs in the order of its time, then of its entry. A binary heap. */
export class Agenda {
  readonly #heap: Appointment[] = [];
  #entered = 0;
  #now = 0;

  get now(): number {
    return this.#now;
  }

  after(delay: number, what: () => void): void {
    this.at(this.#now + delay, what);
  }

  at(time: number, what: () => void): void {
    const heap = this.#heap;
    heap.push({ time: Math.max(time, this.#now), order: this.#entered++, what });
    let i = heap.length - 1;
    while (i > 0) {
      const above = (i - 1) >> 1;
      if (!before(heap[i] as Appointment, heap[above] as Appointment)) break;
      swap(heap, i, above);
      i = above;
    }
  }

  /** Moves the clock to what is due next and runs it. @returns false when nothing is left. */
  step(): boolean {
    const heap = this.#heap;
    const next = heap[0];
    if (next === undefined) return false;
    const last = heap.pop() as Appointment;
    if (heap.length > 0) {
      heap[0] = last;
      for (let i = 0; ; ) {
        const left = 2 * i + 1;
        const right = left + 1;
        let least = i;
        if (left < heap.length && before(heap[left] as Appointment, heap[least] as Appointment)) least = left;
        if (right < heap.length && before(heap[right] as Appointment, heap[least] as Appointment)) least = right;
        if (least === i) break;
        swap(heap, i, least);
        i = least;
      }
    }
    this.#now = next.time;
    next.what();
    return true;
  }
}

function before(a: Appointment, b: Appointment): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

function swap(heap: Appointment[], i: number, j: number): void {
  const kept = heap[i] as Appointment;
  heap[i] = heap[j] as Appointment;
  heap[j] = kept;
}
