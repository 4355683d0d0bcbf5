import { type Growth, grows, growthOf, type Sample } from "./growth.js";
import type { Measures } from "./probes.js";

const MIB = 1024 * 1024;

interface Rule {
  /** By how much it may grow, besides a tenth of what it is: what is kept for later takes its time to fill. */
  readonly allowed: number;
  readonly format: (value: number) => string;
}

const RULES: Readonly<Record<keyof Measures, Rule>> = {
  rss: { allowed: 16 * MIB, format: (value) => `${(value / MIB).toFixed(1)} MiB` },
  heapUsed: { allowed: 3 * MIB, format: (value) => `${(value / MIB).toFixed(2)} MiB` },
  files: { allowed: 2, format: (value) => value.toFixed(1) },
  threads: { allowed: 2, format: (value) => value.toFixed(1) },
  // Others on the machine make the event loop late, too.
  delay: { allowed: 100, format: (value) => `${value.toFixed(1)} ms` },
};

const HEAD = ["process", "measure", "first", "last", "per minute", "grown", "allowed", "steadiness"];

/** All that was measured, by process and measure. */
export class Judgement {
  readonly #series = new Map<string, Map<keyof Measures, Sample[]>>();

  take(process: string, at: number, measures: Measures): void {
    const series = this.#series.get(process) ?? new Map<keyof Measures, Sample[]>();
    this.#series.set(process, series);
    for (const measure of Object.keys(RULES) as (keyof Measures)[]) {
      const sample = { at, value: measures[measure] };
      series.set(measure, [...(series.get(measure) ?? []), sample]);
    }
  }

  /** @returns what grows, and a table of everything, for people */
  pass(): { readonly growing: string[]; readonly table: string } {
    const rows = [HEAD];
    const growing: string[] = [];
    for (const [process, series] of this.#series) {
      for (const [measure, samples] of series) {
        const { allowed: besides, format } = RULES[measure];
        const [first, last] = [samples[0], samples.at(-1)] as [Sample, Sample];
        const growth: Growth = growthOf(samples);
        const allowed = besides + first.value / 10;
        if (grows(growth, allowed)) growing.push(`${measure} of ${process}`);
        const numbers = [first.value, last.value, growth.slope, growth.grown, allowed];
        rows.push([process, measure, ...numbers.map(format), growth.steadiness.toFixed(2)]);
      }
    }
    return { growing, table: inColumns(rows) };
  }
}

function inColumns(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const line = (row: readonly string[]): string => row.map((cell, i) => cell.padEnd(widths[i] as number)).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}
