import { it } from "vitest";

/**
 * A test of one row of docs/conformance.md: its name begins with the row's number, by which
 * test/repository/conformance.test.ts finds out that none is forgotten.
 */
export function row(number: number, title: string, test: () => Promise<void>, timeout?: number): void {
  it(`row ${number}: ${title}`, test, timeout);
}
