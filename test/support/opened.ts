import { afterEach } from "vitest";

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

/** What a test opens is closed after it, all at once. */
export function opened<T extends { close(): Promise<unknown> }>(each: T): T {
  open.push(each);
  return each;
}
