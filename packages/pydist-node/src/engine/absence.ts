/**
 * The time in which a node has lost its parent and may find another one. What it lacks for tasks that were begun before is
 * no reason for them to fail: whoever comes next is asked.
 */
export class Absence {
  #over: Promise<void> | undefined;
  #times = 0;
  #end = (): void => {};

  /** @param most milliseconds after which nobody is waited for any more */
  begin(most: number): void {
    this.end();
    this.#times++;
    this.#over = new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), most).unref();
      this.#end = () => {
        clearTimeout(timer);
        this.#over = undefined;
        resolve();
      };
    });
  }

  /** Somebody is there again, or it is too late for that. */
  end(): void {
    this.#end();
  }

  /** What fails, and may have failed because of it, is done once more afterwards. */
  async outlast<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      const before = this.#times;
      try {
        return await work();
      } catch (error) {
        if (this.#over === undefined && this.#times === before) throw error;
        await this.#over;
      }
    }
  }
}
