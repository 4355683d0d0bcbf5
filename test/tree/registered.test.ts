import { registerType, task } from "pydist";
import { expect, it } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Money, moneyType } from "../support/money.js";

registerType(Money, moneyType);

describeExecutors("tasks that submit tasks with registered types", (open) => {
  const fee = new Money(50);
  const add = (a: Money, b: Money) => a.plus(b).plus(fee);

  it("as arguments, as results and captured, two levels deep", async () => {
    const executor = await open();
    const inner = async (price: Money) => {
      const { executor: own } = task.context();
      const [sum] = await own.map((each: Money) => each.plus(price), [fee]);
      const list = await own.submit((prices: Money[]) => prices.map((each) => each.plus(fee)), [[price, sum as Money]]);
      return own.submit(add, [list[0] as Money, list[1] as Money]);
    };
    const outer = (price: Money) => task.context().executor.submit(inner, [price]);
    for (const total of [
      await executor.submit(outer, [new Money(100)]),
      ...(await executor.map(outer, [new Money(100)])),
    ]) {
      expect(total).toBeInstanceOf(Money);
      expect(total.cents).toBe(400);
    }
  });

  it("where only the argument is of one, and that of a call that waits for another", async () => {
    const executor = await open();
    const fn = async (price: Money) => {
      const { executor: own } = task.context();
      const same = own.submit((each: Money) => each, [price]);
      const cents = await own.submit(
        (each: Money, list: Money[]) => each.cents + (list[0]?.cents ?? 0),
        [same, [price]],
      );
      return [cents, (await same) instanceof Object.getPrototypeOf(price).constructor];
    };
    expect(await executor.submit(fn, [new Money(7)])).toEqual([14, true]);
  });

  it("that are registered once more, in any number of tasks", async () => {
    const executor = await open();
    const fn = async (cents: number) => {
      registerType(Money, moneyType);
      registerType(Money, moneyType);
      return task.context().executor.submit((each: Money) => each.plus(each), [new Money(cents)]);
    };
    const sums = await executor.map(fn, [1, 2, 3, 4, 5, 6]);
    expect(sums.map(({ cents }) => cents)).toEqual([2, 4, 6, 8, 10, 12]);
  });

  it("and of a function that has nothing to do with them, plain data comes back", async () => {
    const executor = await open();
    const fn = (n: number) => task.context().executor.submit((m: number) => new Map([[m, m]]), [n]);
    expect(await executor.submit(fn, [1])).toEqual(new Map([[1, 1]]));
    expect(await executor.map(fn, [1])).toEqual([new Map([[1, 1]])]);
  });
});
